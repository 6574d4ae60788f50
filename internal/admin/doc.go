// Package admin answers an administrator's questions about a running daemon or
// a configuration on its own: which referral a client gets and why, which site
// an address is in, what a namespace holds.
//
// A Picture answers from one immutable view; the daemon serves Pictures over a
// unix socket (full rights for its owner and root) and, where configured, over
// HTTP (reading for all who reach it, changes with the token). A Client asks a
// daemon and gives the same answers. The shapes here are a contract: fields are
// added, never renamed.
//
// What is served stands in one table of routes (routes.go, replicas_handler.go),
// from which the OpenAPI description is made too. Every route that changes
// something goes through the audit log: where that cannot be written, nothing
// is changed. What Protect turns away is not recorded, so that strangers cannot
// fill the log.
package admin
