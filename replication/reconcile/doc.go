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
// Beside the store a [State] keeps what each entry of the work list waits for:
// another entry, a place, a plan, a content, what others have seen. A change
// wakes those that wait for it and no others, so that an event costs as much as
// hangs on it, whatever else there is to do; only what is rare and tangled, such
// as a cycle whose parts are busy, is looked at again after every change. All
// that is rebuilt by [New]. What a crash loses is at most looked at once more.
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
// Until an answer that comes in parts is complete, names are not fought for:
// the other half of an exchange of names may be still to come.
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
//     claim counts only while the asker still has seen that (Batch.Since), and
//     only with the last part of an answer.
//  4. Held covers a stamp only if Disk of its object is that version or a
//     greater one. An entry holds back everything seen after it became pending,
//     since versions of it that Known beat may be among that.
//  5. No content leaves the disk unless the version that replaces it was made in
//     knowledge of it, or it was preserved first. A deletion always preserves.
//  6. A plan is carried out only on what it expects. If a user was faster, the
//     change is observed first and the plan made anew.
//  7. Two plans under way touch no object, name or directory of each other's, so
//     they may be carried out in any order and at once.
//  8. Nothing on the work list waits that could go on ([State.Overlooked]).
//
// 1 and 3 make Known equal on all members once every vector includes the
// others; the decisions above end because each rises in the order and none
// undoes another: a displaced object never lives again, the order on names has
// no cycle, and a directory that gave way to the root is in no cycle.
//
// # What the caller owes
//
// The proofs above hold if the caller does as follows.
//
//   - It commits, that is, Step has returned, before it acts; after an error of
//     Step it makes the State anew. It answers every Want by Fetched and every
//     Install by Installed, unless it crashes. After a crash, New and a Step
//     without events give the actions again.
//   - What it finds in the tree it reports parents before children, moves before
//     what is Gone, and deleted children before their parents. After a crash it
//     looks through the whole tree, the holding directory too.
//   - An object that it cannot identify is reported without ID. If it stands
//     where an object stood that is no longer in the tree, it names that as
//     Replaced.
//   - What Identified says is noted with the same durability as the step. If the
//     note of an install is lost, the object is reported as one not met before.
//   - An install checks what [Plan] says, the Occupant and Expect to the last
//     attribute, or where there is no Expect that the object has not been found
//     since, and does all or nothing. If something differs, the caller
//     observes it first and then answers Changed. Done is said when the change is
//     durable, what it preserves before it.
//   - What a user does to an object after its install and before Installed was
//     stepped is reported, again if need be, after that: before, the core takes a
//     new object that is gone for one that is not there yet, and one that stands
//     as its plan expects it for one that the install has not reached. What is
//     moved in between is reported under the ID that it was installed for.
//   - A content that is fetched has the hash that was asked for.
//   - Answers come from one consistent [View]. Their parts are reported in order
//     and without a gap; after a gap the rest is dropped, and the member asked
//     again. No claim is reported before all its records, and no part of an
//     answer after New that was asked for before.
//   - A member speaks under an Origin that was never used with another index. If
//     an index is lost or rolled back, the next one begins with a new Origin.
//   - From time to time it sends Retry, and Told where that is so for a while.
//
// # The initial sync
//
// What stands on disk when a member begins is Foreign: it has an entry and no
// stamp. Only the primary stamps what it finds, as it finds it, with a higher
// Fence. Everyone else waits for what a synced member holds: equal content at
// the same place is adopted as that object, different content is preserved and
// replaced, and what is left over when all else is installed is preserved and
// leaves the tree. A member that lost its index begins like that with a new
// Origin; so does no member whose index is whole. A crash in the first scan
// loses nothing: the scan is begun again, and ends it.
//
// # Not decided here
//
// Tombstones are kept for ever. Names compare by their bytes; a file system
// that cannot hold a name answers [BadName], and the object then waits, not
// held and not passed on, until Retry.
package reconcile
