// Package namespace holds DFS namespaces: roots, links and their targets, as a
// Snapshot that never changes once it is made.
//
// A Config is what an administrator wrote; New turns a list of them into a
// Snapshot, and keeps nothing of the list. Match answers which root and which
// link a DFS path names ([MS-DFSC] 3.2.5.5), Root.Walk and Node answer what a
// client that lists the namespace share sees.
//
// Names compare as NTFS compares them: by code unit, upper-cased with the table
// that Windows writes to every volume ($UpCase). A million folders are flat
// slices, not a million objects: Root, Link, Target and Node are small handles
// into them, safe for concurrent use, and valid as long as somebody holds them.
package namespace
