// Package health schedules probes of the file servers behind DFS targets and
// says which targets are up.
//
// A Monitor asks each host about all its paths in one go, at the shortest
// interval of its targets ±10 %, and never twice at a time. What one probe means
// for one target is decided by a pure function (condition.step); the rest is
// when to ask, and whom to believe:
//
//   - A target goes down after DownAfter failures in a row, so DownAfter
//     intervals after it died. It is not asked sooner in between.
//   - A target without a verdict comes up with its first good probe. One that is
//     down needs UpAfter of them in a row, and up to eight times as many if it
//     flaps.
//   - A target goes down only if the network is known to work: between the end of
//     the first failure of the row and the beginning of the last one's probe
//     another host has answered, or the host itself answers and refuses the share.
//     Else the target is held in the state that it has. So a DownAfter of 1 takes
//     two probes of a host that does not answer.
//   - Where no host answers any more, our own network is in doubt (Isolated). With
//     the first answer the failures of every target that is not down are counted
//     anew, and those of probes that began earlier not at all.
//
// Two names of one machine are two hosts here.
package health
