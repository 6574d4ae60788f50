// Package reconcile is the core of one replicated folder on one member: a
// state machine that takes events and answers with actions. It has no clock,
// no randomness, no goroutine and no I/O but its [Store]; equal events give
// equal actions.
//
// # The model
//
// Of every object, named for life by its FileID, an [Entry] keeps what others
// say and what the disk holds: Known, the greatest version heard of in the
// total order of [replication.Record.Beats], and Disk, the version on disk,
// with the place where it stands. Doing, the version that an install was begun
// for, is noted before the tree is touched, so that what a crash leaves half
// done is told from what a user did. The work list is no queue but a query:
// the entries whose Known is not on disk or not where it belongs. After a
// crash it is simply asked again.
//
// A change found on disk becomes a version on top of Disk, which the user saw,
// and not on top of Known, which the user may never have seen. A version from
// elsewhere becomes Known if it beats it; the disk follows as contents and
// names allow.
//
// # Where versions alone do not make a tree
//
//   - Two objects belong to one place. The winner keeps the name, a directory
//     against anything else. The loser gets a tombstone for good (Displaced); a
//     directory that lost against another one passes its children on to it
//     (Into), without new versions of theirs.
//   - A tombstone meets a directory in which something outlived it. The
//     directory gets a new version; see resurrect for why that is not too early.
//   - Directories belong into one another. The least version of the cycle goes
//     back to where this disk has it, or to the root.
//   - An object stands where another belongs and cannot leave yet, as when two
//     change names. It waits in the holding directory.
//   - A content exists nowhere any more. See [Unobtainable].
//
// Each of these makes a version like a user's change does, later than what it
// resolves, and any member may make it; members that do so at once make
// different stamps of the same decision, of which the greatest remains.
//
// # Invariants
//
//  1. Disk is never greater than Known, and both only rise. A local version is
//     made later than Disk; a loser against Known stays on disk until Known
//     replaces it.
//  2. A member speaks of Disk only. What is heard of and not installed is not
//     passed on, so whoever hears of a version can get it from who told.
//  3. Seen covers a stamp only if Known of its object is that version or a
//     greater one. A sender leaves out only what the asker has seen, and its
//     claim counts only while the asker still has seen that (Batch.Since).
//  4. Held covers a stamp only if Disk of its object is that version or a
//     greater one. An entry holds back everything seen after it became pending,
//     since versions of it that Known beat may be among that.
//  5. No content leaves the disk unless the version that replaces it was made in
//     knowledge of it, or it was preserved first. A deletion always preserves.
//  6. A plan is carried out only on what it expects. If a user was faster, the
//     change is observed first and the plan made anew.
//
// 1 and 3 make Known equal on all members once every vector includes the
// others; the decisions above end because each rises in the order and none
// undoes another: a displaced object never lives again, the order on names has
// no cycle, and a directory that gave way to the root is in no cycle.
//
// # The initial sync
//
// What stands on disk when a member begins is Foreign: it has an entry and no
// stamp. The primary stamps it, with a higher Fence. Everyone else waits for
// what a synced member holds: equal content at the same place is adopted as
// that object, different content is preserved and replaced, and what is left
// over when all else is installed is preserved and leaves the tree. A member
// that lost its index begins like that with a new Origin; so does no member
// whose index is whole.
//
// # Not decided here
//
// Tombstones are kept for ever. Names compare by their bytes; a file system
// that cannot hold a name answers [BadName], and the object then waits, not
// held and not passed on, until Retry.
package reconcile
