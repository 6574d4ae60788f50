// Package fsx is the file-system seam: every call that replication makes on a
// disk, as one operation relative to an open directory, so that a path can
// never lead out of the folder it belongs to and every call can be made to
// fail in a test.
//
// There are three back ends. [OS] is the operating system: on Linux openat2,
// which resolves beneath a directory and crosses no symbolic link, elsewhere
// what [Portable] can do. [NewMemory] is a file system in memory that knows
// what has been synced and can be crashed. [Inject] wraps either of them and
// lets a policy see, and fail, each call.
//
// # Paths
//
// A path is relative to a directory handle, with "/" between components:
// "a/b". No component may be empty, "." or ".."; "." alone is the directory
// itself where a method says so. A component that is a symbolic link is
// refused with [ErrEscapes]; the last component may be one for the methods
// that act on names (Stat, Readlink, OpenLink, Rename, Link, Remove).
//
// # Handles
//
// A handle stays with its file or directory, however that is renamed. Its
// methods may be called by several goroutines at once; Close only when none
// of them runs. Whoever opened a handle closes it.
//
// # Errors
//
// Every error is an [*Error] that errors.Is finds to be one of the classes in
// this package, io/fs and errors.ErrUnsupported, and that wraps the system's
// own.
package fsx
