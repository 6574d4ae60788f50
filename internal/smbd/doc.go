// Package smbd is the door that SMB clients knock at: listener, connections,
// sessions, trees and opens, and the dispatch of each request to the room that
// answers it (internal/smbtree for what an open means, referral for where a
// path leads).
//
// One goroutine serves one connection: it reads a frame, decides and writes
// the answer, in order. CHANGE_NOTIFY, a READ of an empty pipe and the answer
// to a failed log-on are the only requests that wait, parked, while later ones
// go on. Everything that an unauthenticated peer can make the server hold is
// bounded in bytes, time and count by Limits.
//
// Section numbers are those of [MS-SMB2] unless another document is named.
package smbd
