// Package install is the only room that writes inside a replicated folder.
//
// # The private area
//
// At the root of the folder stands .dfsd (mode 0700, never replicated):
//
//	.dfsd/marker      which folder this is; its absence stops replication
//	.dfsd/staging/    temporaries: contents on their way in, files on their way out
//	.dfsd/hold/       objects between two places of the folder
//	.dfsd/manifest    what was preserved and what was under way, as checksummed lines
//	.dfsd/preserved/  conflict losers, deleted and pre-existing files
//
// # A batch
//
// [Installer.Commit] installs a batch as one group. Every content and every
// piece of metadata is made ready in staging, on handles, and of a wide batch
// the new small files by several goroutines at once; one manifest line
// per file that will be displaced says what is expected; one SyncFS (for a
// few files: one fsync each) makes all of it durable; then come the renames,
// each of which shows a whole new file or nothing; a last sync makes them
// durable, so that what Commit calls done survives power loss.
//
// New small files of a wide batch have no name before they have their own: a
// link does what the rename does for others, in one step that replaces
// nothing, and a crash leaves nothing of them in staging. Since a link changes
// the file as well, the last sync covers both. Where such files are not to be
// had, they have names in staging like the others.
//
// A target is compared with what the caller reconciled before the rename and,
// since the rename exchanges the two, once more after it. What is not what
// was expected goes back to its name, and the item is a conflict. Nothing
// that a user wrote is removed: the manifest knows which file in staging was
// his, whenever the process dies.
//
// # The preserved store
//
// What makes way is kept until the quota needs its room. A version that a
// later one replaced goes first, then a file that somebody deleted who knew
// it, and last what exists nowhere else: that not before thirty days have
// passed, whatever the quota says.
//
// # What callers may rely on
//
// One file's fault is its item's outcome and never the batch's error.
// An Installer is safe for concurrent use; it does one thing at a time. Who
// lists the preserved store, or opens a file of it, does not wait for that.
package install
