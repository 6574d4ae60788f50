// Package version holds stamps and version vectors: who changed what, counted
// and never timed, and what a replica therefore knows. It has no clock and
// does no I/O; every value is immutable and safe for concurrent use.
//
// A stamp names one change: the n-th of one origin. A vector keeps the highest
// count of each origin and thereby stands for a set of stamps: all counts from
// 1 to that one. Set inclusion orders vectors partially, union is [Vector.Merge].
package version
