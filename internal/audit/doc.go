// Package audit keeps the log of changes: who changed what, from where, when,
// why, and what came of it.
//
// It is a file of JSON lines, audit.jsonl, that is only ever appended to, and
// the older files audit-SEQ.jsonl that it grew out of, each named after the
// number of its last entry. An entry carries the SHA-256 of itself (sum) and
// that of the entry before it (previous), over the borders of files; Verify
// walks that chain. A line is
//
//	{"at":…,"seq":…,"who":{…},"action":…,…,"previous":"HEX","sum":"HEX"}
//
// and its sum is that of the line's bytes without `,"sum":"HEX"`.
//
// The chain shows a change, a gap or a swap of entries to whoever holds the sum
// of a later one. Whoever may write the folder can cut off the end or make the
// whole chain anew, so each entry's number and sum go to the daemon's own log
// too, which usually leaves the host. The oldest files go when there are too
// many; the entry that the first one left follows is then no longer there.
package audit
