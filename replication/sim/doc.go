// Package sim runs many members of one replicated folder in one process: the
// true reconcile core over a model of a disk, a virtual clock, and a network
// that loses, doubles, delays and reorders, and cuts answers into parts. Users
// edit, move and delete; members crash between any two steps, in their first
// scan too, or lose their index. A core takes one event at a time or several,
// and some cores have room for one install and one content only. All chance comes
// from one seed, so a run can be repeated to the byte, and a failing script is
// shrunk to the lines that matter.
//
// `go test -sim.fresh 10m` runs seeds that nobody has run before, `-sim.seed N`
// traces one. A script that failed goes to testdata/regressions with its seed.
//
// The oracles, in oracle.go, speak of what users saw, not of how the core works.
package sim
