// Package targets keeps the state of every target current: it gathers what the
// probes, the members' summaries and the administrator's decisions say, has
// targetstate judge it, and hands referrals the table that they read.
//
// One goroutine judges (Keeper.Run); whoever asks reads what it judged last. A
// judgement follows within a quarter of a second on news, and every half second
// without, because lag grows by itself; where there are very many targets, less
// often, so that judging takes a twentieth of the time at most.
package targets
