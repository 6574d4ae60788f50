// Package doctor looks at what one host of a deployment depends on, and says
// how to mend each fault.
//
// Checks makes the list of checks that fit a host's configuration, and Run runs
// them. They look and change nothing: a port is bound for a moment and given
// back, and where the system does not tell who may write, a file is made in a
// directory and removed at once. No password, hash or key ever stands in a
// finding, and no message of a directory server.
//
// Everything here is bounded: 10 s a check, 1,000 target hosts, 16 domain
// controllers, 20 odd objects told one by one.
package doctor
