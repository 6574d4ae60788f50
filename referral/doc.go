// Package referral decides which targets of a DFS path a client is given, in
// which order, and why ([MS-DFSC] 3.2.1.1, 3.2.1.2 and 3.2.5.5).
//
// A View is one immutable picture of the namespaces and the sites. Resolve is a
// function of that picture, a request, the states of the targets and a source
// of randomness, and of nothing else: the same four give the same Referral, to
// the wire, to those who explain it and to tests.
package referral
