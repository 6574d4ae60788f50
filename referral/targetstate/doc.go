// Package targetstate joins what is known of each target into one referral
// state with its reason, and keeps the administrator's decisions on disk.
//
// Judge decides about one target: what the configuration says, what an
// administrator decided, what probes found and what replication reports go in,
// a Status comes out. A Table holds the statuses of all targets of one
// namespace.Snapshot and is what referrals read. A Store keeps the decisions,
// and what was demoted, across restarts; Drain tells how far the drain of a
// target has come.
//
// Judge and Drain know no clock and no disk: the same facts at the same time
// give the same answer.
package targetstate
