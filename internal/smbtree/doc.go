// Package smbtree is what a client reaches through a tree connect: each
// namespace as a read-only virtual tree of folders and links, and IPC$ with its
// pipes. It holds the semantics of the operations on an open and knows nothing
// of connections, sessions and credits.
//
// Errors are smb2.Status values, two apart: [ErrWouldBlock], and
// [*BufferTooSmallError], which unwraps to a Status. A warning status, such as
// STATUS_BUFFER_OVERFLOW, comes with the data that it is about.
//
// A [Forest] and its trees are safe for concurrent use; an [Open] serves one
// goroutine at a time. An Open keeps the snapshot of the namespace from which
// it was made, so a reload neither breaks nor changes it.
package smbtree
