// Package journal hears from the operating system which names of a replicated
// folder may have changed, and tells them when they have come to rest.
//
// What it says is a hint. A hint may be stale, may name what has not changed
// and may be coarser than the change; only a survey of the disk says what is
// there. What it promises is the other direction: whatever was changed below
// the root after [Open] returned, but by [Options.Own], is covered by a hint that names it, by one
// that names its whole directory, or by a Deep one above it. So: Open first,
// survey the folder once, then follow [Journal.Next].
//
// # How it hears
//
//   - fanotify: one mark on the file system of the root. Needs the rights of
//     root and a file system with file handles.
//   - inotify: one watch for each directory, within fs.inotify.max_user_watches.
//   - scan: hears nothing and asks for a survey of everything from time to time.
//
// [Open] takes the best of them that works and says in the log why a better
// one did not.
//
// # What no mode hears
//
// A write through one name of a file with several hard links is told for that
// name alone. A write through a shared mapping is told when the file is
// closed, not when the page changes. With fanotify nothing is heard of another
// file system that is mounted below the root, nor of a change made on a file
// whose directory the kernel does not know at that moment (some NFS servers).
// On a network file system the changes of other machines are not heard. The
// regular survey of everything exists for these.
package journal
