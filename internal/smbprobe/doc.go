// Package smbprobe knocks at file servers over SMB2 and SMB3 to see whether
// DFS targets are there.
//
// A probe of a host opens a new TCP connection and negotiates, as a new client
// would. With credentials it goes on over a session that is kept between
// probes: is the share there (TREE_CONNECT), is the path there (CREATE and CLOSE
// in one compound)? Every question is under way at once, so that a path on a
// dead disk costs nothing but its own target.
//
// # What is good
//
// What matters is what clients would meet, not what the prober may see. Access
// denied and a path that leads on to another namespace are good answers. A
// server that refuses the prober's log-on is good as far as it answers: the
// prober looks no deeper, says so once in the log and in Faults, and sends the
// credentials again only after a while, so that no account gets locked out.
//
// # Trust
//
// Servers are taken for hostile, as internal/smbclient does. A probe holds two
// connections at most and ends with its context, or after 30 s; no goroutine
// outlives it.
package smbprobe
