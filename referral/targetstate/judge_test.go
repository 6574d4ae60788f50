package targetstate

import (
	"strings"
	"testing"
	"time"

	"dfsd/referral"
	"dfsd/replication/status"
)

var (
	noon    = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	started = noon.Add(-time.Hour)
)

const s = time.Second

// judged is Inputs of a replicated target under a gate of a minute, with what
// edit changes.
func judged(edit func(in *Inputs)) Inputs {
	in := Inputs{
		Member: "fs2", Replicated: true, MaxLag: time.Minute, Started: started,
		Own:    Own{Heard: true, Age: s, State: status.Normal},
		Before: Status{State: referral.Up, Since: started},
	}
	edit(&in)
	return in
}

func lacking(by string, files int64, oldest, age time.Duration) Word {
	return Word{By: by, Age: age, Connected: true, Files: files, Bytes: files << 10, Oldest: oldest}
}

func unconnected(w Word) Word {
	w.Connected = false
	return w
}

type judgeCase struct {
	name   string
	in     Inputs
	state  referral.State
	reason string
}

func checkJudge(t *testing.T, cases []judgeCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := Judge(c.in, noon)
			if got.State != c.state || got.Reason != c.reason {
				t.Errorf("Judge() = %v %q, want %v %q", got.State, got.Reason, c.state, c.reason)
			}
		})
	}
}

// TestReturnNeedsReplicationAtWork: a target that was down comes back at a little
// lag only while its content is on its way. One whose replication is not running
// lacks what was written a second ago for as long as that lasts.
// TestReturnWithWhatWasMissed: what was written while a target was away is no
// little lag, however short that was.
func TestReturnWithWhatWasMissed(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		back, lag time.Duration
		want      referral.State
	}{
		{100 * time.Millisecond, 900 * time.Millisecond, referral.Lagging},
		{time.Second, 900 * time.Millisecond, referral.Up},
		{time.Hour, 1900 * time.Millisecond, referral.Up},
		{time.Hour, 2100 * time.Millisecond, referral.Lagging},
		{0, 0, referral.Up},
	} {
		in := Inputs{
			Member: "fs1", Replicated: true, Started: now.Add(-time.Hour), Before: Status{State: referral.Down, Since: now.Add(-time.Minute)},
			Health: Health{Probed: true, Known: true, Since: now.Add(-tt.back)}, Own: Own{Heard: true, State: status.Normal},
			Words: []Word{{By: "fs2", Connected: true, Files: 1, Oldest: tt.lag}},
		}
		if tt.lag == 0 {
			in.Words[0].Files = 0
		}
		if s := Judge(in, now); s.State != tt.want {
			t.Errorf("back for %v, lacks what is %v old: %v %q, want %v", tt.back, tt.lag, s.State, s.Reason, tt.want)
		}
	}
}

func TestReturnNeedsReplicationAtWork(t *testing.T) {
	now := time.Now()
	down := Status{State: referral.Down, Since: now.Add(-time.Minute)}
	own := Own{Heard: true, Age: time.Second, State: status.Normal}
	for _, tt := range []struct {
		name  string
		words []Word
		want  referral.State
	}{
		{"nothing lacks, connected", []Word{{By: "fs2", Connected: true}}, referral.Up},
		{"a little lacks, connected", []Word{{By: "fs2", Connected: true, Files: 1, Oldest: time.Second}}, referral.Up},
		{"a little lacks, not connected", []Word{{By: "fs2", Files: 1, Oldest: time.Second}}, referral.Lagging},
		{"nothing lacks, connected to nobody", []Word{{By: "fs2"}}, referral.Lagging},
		{"nothing lacks of one that is not connected", []Word{{By: "fs2"}, {By: "fs3", Connected: true}}, referral.Up},
		{"a little lacks of one that is not connected", []Word{{By: "fs2", Files: 1}, {By: "fs3", Connected: true}}, referral.Lagging},
		{"much lacks, connected", []Word{{By: "fs2", Connected: true, Files: 1, Oldest: 3 * time.Second}}, referral.Lagging},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Judge(Inputs{Member: "fs1", Replicated: true, MaxLag: time.Hour, Own: own, Words: tt.words, Before: down, Started: now.Add(-time.Hour)}, now)
			if s.State != tt.want || s.State == referral.Lagging && !strings.HasPrefix(s.Reason, "is back, ") {
				t.Errorf("%v %q, want %v", s.State, s.Reason, tt.want)
			}
		})
	}
}

func TestJudgeDecisions(t *testing.T) {
	drain := Decision{Kind: Drained, Reason: "patching", By: "alice", At: noon.Add(-time.Hour), Until: noon.Add(time.Hour)}
	drained := drain
	drained.TakenOut = noon.Add(-time.Minute)
	expired := drained
	expired.Until = noon
	offline := Decision{Kind: Offline, At: noon.Add(-time.Hour)}
	down := Health{Probed: true, Known: true, Down: true, Why: "connect: refused"}
	with := func(d Decision, edit func(in *Inputs)) Inputs {
		in := judged(func(in *Inputs) { in.Decision, in.Health = &d, down })
		if edit != nil {
			edit(&in)
		}
		return in
	}
	checkJudge(t, []judgeCase{
		{"configuration first", with(drained, func(in *Inputs) { in.Offline = true }), referral.Offline, "by the configuration; state: online there brings it back"},
		{"drained before down", with(drained, nil), referral.Drained, "by alice (patching) until 2026-11-22 13:00 UTC"},
		{"offline at once", with(offline, nil), referral.Offline, "by an administrator; dfsd target online brings it back"},
		{"expired", with(expired, nil), referral.Down, "connect: refused"},
		{"not taken out yet", with(drain, nil), referral.Down, "is being drained by alice (patching) until 2026-11-22 13:00 UTC; connect: refused"},
		{"up until it is taken out", with(drain, func(in *Inputs) { in.Health = Health{} }), referral.Up, "is being drained by alice (patching) until 2026-11-22 13:00 UTC"},
	})
	for _, d := range []Decision{drain, drained, expired, offline} {
		in := with(d, nil)
		if got, want := Judge(in, noon).Leaving, d == drain; got != want {
			t.Errorf("Judge(%+v).Leaving = %v, want %v", d, got, want)
		}
	}
}

func TestJudgeHealth(t *testing.T) {
	health := func(h Health, before referral.State) Inputs {
		return Inputs{Health: h, Before: Status{State: before, Since: started}, Started: started}
	}
	down := Health{Probed: true, Known: true, Down: true}
	up := Health{Probed: true, Known: true}
	held := Health{Probed: true, Known: true, Down: true, Held: true}
	checkJudge(t, []judgeCase{
		{"nothing known", Inputs{}, referral.Up, ""},
		{"down", health(down, referral.Up), referral.Down, "fails its probes"},
		{"up again", health(up, referral.Down), referral.Up, ""},
		{"not probed", health(Health{Known: true, Down: true}, referral.Up), referral.Up, ""},
		{"no longer probed", health(Health{}, referral.Down), referral.Up, ""},
		{"not known yet", health(Health{Probed: true, Down: true}, referral.Up), referral.Up, ""},
		{"not known yet, was down", health(Health{Probed: true}, referral.Down), referral.Down, "was down before, and is not probed often enough yet to say otherwise"},
		{"held up", health(held, referral.Up), referral.Up, allProbesFail},
		{"held down", health(held, referral.Down), referral.Down, allProbesFail},
		{"held down though it looks up", health(Health{Probed: true, Known: true, Held: true}, referral.Down), referral.Down, allProbesFail},
		{"held after it was drained", health(held, referral.Drained), referral.Down, allProbesFail},
		{"held, replicated, lagging", judged(func(in *Inputs) {
			in.Health, in.Words = held, []Word{lacking("fs1", 2, 70*s, 0)}
		}), referral.Lagging, allProbesFail + "; 2 files behind fs1, the oldest by 1m10s; its gate allows 1m"},
	})
}

func TestJudgeOwnState(t *testing.T) {
	own := func(o Own, words ...Word) Inputs {
		return judged(func(in *Inputs) { in.Own, in.Words = o, words })
	}
	zero := lacking("fs1", 0, 0, s)
	checkJudge(t, []judgeCase{
		{"normal", own(Own{Heard: true, State: status.Normal}, zero), referral.Up, ""},
		{"halted", own(Own{Heard: true, State: status.Failed, Error: "the root is empty:\nrun\x1b[31m dfsd"}, zero), referral.Lagging, "replication halted: the root is empty: run [31m dfsd"},
		{"halted without a word", own(Own{Heard: true, State: status.Failed}, zero), referral.Lagging, "replication halted"},
		{"halted long ago", own(Own{Heard: true, Age: time.Hour, State: status.Failed}, zero), referral.Lagging, "replication halted"},
		{"not heard", own(Own{State: status.Failed}, zero), referral.Up, ""},
		{"initial sync", own(Own{Heard: true, State: status.InitialSync}, zero), referral.Lagging, "the initial sync is not done"},
		{"initial sync, refuted", own(Own{Heard: true, Age: time.Minute, State: status.InitialSync}, zero), referral.Up, ""},
		{"initial sync, not refuted", own(Own{Heard: true, Age: time.Minute, State: status.InitialSync}, lacking("fs1", 9, 3*s, 0)), referral.Lagging, "the initial sync is not done"},
		{"recovering", own(Own{Heard: true, State: status.Recovering}, zero), referral.Lagging, "its replication is rebuilding its index"},
		{"recovering, refuted by nobody who knows", own(Own{Heard: true, Age: 20 * s, State: status.Recovering}, unconnected(zero)), referral.Lagging, "its replication is rebuilding its index"},
		{"paused and equal", own(Own{Heard: true, State: status.Paused}, zero), referral.Up, "its replication is paused: dfsd replication resume ends that"},
		{"paused and behind", own(Own{Heard: true, State: status.Paused}, lacking("fs1", 1, 61*s, 0)), referral.Lagging, "1 file behind fs1, by 1m1s; its gate allows 1m; its replication is paused: dfsd replication resume ends that"},
	})
}

func TestJudgeLag(t *testing.T) {
	words := func(gate time.Duration, words ...Word) Inputs {
		return judged(func(in *Inputs) { in.MaxLag, in.Words = gate, words })
	}
	own := func(age time.Duration, words ...Word) Inputs {
		return judged(func(in *Inputs) { in.Own = Own{Heard: true, Age: age, State: status.Normal, Words: words} })
	}
	behind := "3 files behind fs1, the oldest by 1m1s; its gate allows 1m"
	checkJudge(t, []judgeCase{
		{"within the gate", words(time.Minute, lacking("fs1", 3, 60*s, 0)), referral.Up, ""},
		{"beyond", words(time.Minute, lacking("fs1", 3, 61*s, 0)), referral.Lagging, behind},
		{"age counts", words(time.Minute, lacking("fs1", 3, 50*s, 11*s)), referral.Lagging, behind},
		{"no files, no lag", words(time.Minute, lacking("fs1", 0, time.Hour, 0)), referral.Up, ""},
		{"the worst counts", words(time.Minute, lacking("fs3", 90, s, 0), lacking("fs1", 3, 61*s, 0), lacking("fs4", 1, 3*s, 0)), referral.Lagging, behind},
		{"of equals the more files, then the name", words(time.Minute, lacking("fs3", 3, 61*s, 0), lacking("fs2", 1, 61*s, 0), lacking("fs1", 3, 61*s, 0)), referral.Lagging, behind},
		{"a stale word does not count", words(time.Minute, lacking("fs1", 3, 61*s, StaleAfter+1)), referral.Up, ""},
		{"the last fresh one does", words(time.Minute, lacking("fs1", 3, 46*s, StaleAfter)), referral.Lagging, behind},
		{"an unconnected speaker counts", words(time.Minute, unconnected(lacking("fs1", 3, 61*s, 0))), referral.Lagging, behind},
		{"own words", own(0, lacking("fs1", 3, 61*s, 0)), referral.Lagging, behind},
		{"own words are no younger than the summary", own(11*s, lacking("fs1", 3, 50*s, 0)), referral.Lagging, behind},
		{"no gate", words(0, lacking("fs1", 3, 61*s, 0)), referral.Up, "3 files behind fs1, the oldest by 1m1s; its folder has no gate"},
		{"no gate, a little behind", words(0, lacking("fs1", 3, 20*s, 0)), referral.Up, ""},
		{"absurd", words(time.Minute, lacking("fs1", 1<<62, 1<<63-1, 9*s)), referral.Lagging, "4611686018427387904 files behind fs1, the oldest by 106751d23h; its gate allows 1m"},
		{"negative", words(time.Minute, lacking("fs1", -5, -time.Hour, -time.Hour), lacking("fs3", 1, -time.Hour, -time.Hour)), referral.Up, ""},
	})
}

func TestJudgeReturn(t *testing.T) {
	returning := func(before referral.State, gate time.Duration, words ...Word) Inputs {
		return judged(func(in *Inputs) {
			in.MaxLag, in.Words = gate, words
			in.Before = Status{State: before, Since: started}
			in.Health = Health{Probed: true, Known: true}
		})
	}
	zero, far := lacking("fs1", 0, 0, s), lacking("fs1", 12, 78*s, 2*s)
	checkJudge(t, []judgeCase{
		{"down, behind, no gate", returning(referral.Down, 0, far, zero), referral.Lagging, "is back, 12 files behind fs1, the oldest by 1m20s"},
		{"down, within the gate", returning(referral.Down, time.Hour, far), referral.Lagging, "is back, 12 files behind fs1, the oldest by 1m20s"},
		{"down, equal", returning(referral.Down, time.Minute, zero, lacking("fs3", 0, 0, 9*s)), referral.Up, ""},
		{"down, as good as equal", returning(referral.Down, time.Minute, lacking("fs1", 4, s, s)), referral.Up, ""},
		{"down, not quite", returning(referral.Down, time.Minute, lacking("fs1", 4, s, s+1)), referral.Lagging, "is back, 4 files behind fs1, the oldest by 2s"},
		{"down, nobody says", returning(referral.Down, time.Minute), referral.Lagging, "is back, but no member says yet what it lacks"},
		{"down, only stale words", returning(referral.Down, time.Minute, lacking("fs1", 0, 0, 16*s)), referral.Lagging, "is back, but no member says yet what it lacks"},
		{"lagging, within the gate", returning(referral.Lagging, time.Minute, lacking("fs1", 1, 5*s, 0)), referral.Lagging, "is catching up, 1 file behind fs1, by 5s"},
		{"lagging, equal", returning(referral.Lagging, time.Minute, zero), referral.Up, ""},
		{"drained, behind", returning(referral.Drained, time.Minute, lacking("fs1", 1, 5*s, 0)), referral.Lagging, "is back, 1 file behind fs1, by 5s"},
		{"offline, equal", returning(referral.Offline, time.Minute, zero), referral.Up, ""},
		{"does not replicate", Inputs{Before: Status{State: referral.Lagging}, Words: []Word{far}, MaxLag: s}, referral.Up, ""},
	})
}

func TestJudgeSilence(t *testing.T) {
	silent := func(gate time.Duration, before referral.State, own Own, words ...Word) Inputs {
		return judged(func(in *Inputs) {
			in.MaxLag, in.Own, in.Words = gate, own, words
			in.Before = Status{State: before, Since: started}
		})
	}
	heard := func(age time.Duration) Own { return Own{Heard: true, Age: age, State: status.Normal} }
	starting := func(since time.Duration, before referral.State, words ...Word) Inputs {
		in := silent(time.Minute, before, Own{}, words...)
		in.Started = noon.Add(-since)
		return in
	}
	zero := lacking("fs1", 0, 0, s)
	checkJudge(t, []judgeCase{
		{"a little silent", silent(time.Minute, referral.Up, heard(20*s)), referral.Up, "no word of its replication for 20s"},
		{"as long as a gate", silent(time.Minute, referral.Up, heard(time.Minute)), referral.Up, "no word of its replication for 1m"},
		{"too long for the gate", silent(time.Minute, referral.Up, heard(61*s)), referral.Lagging, "no word of its replication for 1m1s"},
		{"too long without one", silent(0, referral.Up, heard(31*s)), referral.Lagging, "no word of its replication for 31s"},
		{"a tight gate does not count", silent(s, referral.Up, heard(30*s)), referral.Up, "no word of its replication for 30s"},
		{"others are connected to it", silent(0, referral.Up, heard(time.Hour), zero), referral.Up, ""},
		{"others were", silent(0, referral.Up, heard(time.Hour), lacking("fs1", 0, 0, 20*s)), referral.Up, "no word of its replication for 20s"},
		{"others are not", silent(0, referral.Up, heard(time.Hour), unconnected(zero)), referral.Lagging, "no word of its replication for 1h"},
		{"what it lacked then counts", silent(0, referral.Up, heard(20*s), lacking("fs1", 7, 15*s, 20*s)), referral.Lagging, "7 files behind fs1, the oldest by 35s, when it was heard of last, 20s ago"},
		{"what it lacks now counts", silent(time.Minute, referral.Up, heard(20*s), unconnected(lacking("fs1", 7, 90*s, 0))), referral.Lagging, "7 files behind fs1, the oldest by 1m30s; its gate allows 1m"},
		{"it does not return unheard", silent(time.Minute, referral.Down, heard(20*s), unconnected(zero)), referral.Lagging, "is back, but there is no word of its replication yet"},
		{"grace", starting(10*s, referral.Up), referral.Up, "no word of its replication yet, state as before"},
		{"grace of a lagging one", starting(10*s, referral.Lagging), referral.Lagging, "is catching up, but there is no word of its replication yet"},
		{"grace of one that was down", starting(10*s, referral.Down, unconnected(zero)), referral.Lagging, "is back, but there is no word of its replication yet"},
		{"grace is over", starting(10*s+1, referral.Up), referral.Lagging, "no word of fs2's replication since the start"},
		{"grace is over, others are not connected", starting(10*s+1, referral.Up, unconnected(zero)), referral.Lagging, "no word of fs2's replication since the start"},
		{"grace is over, others are", starting(10*s+1, referral.Up, zero), referral.Up, ""},
		{"the clock was turned back", starting(-s, referral.Up), referral.Lagging, "no word of fs2's replication since the start"},
	})
}

func TestJudgeSince(t *testing.T) {
	earlier, later := noon.Add(-time.Minute), noon.Add(time.Minute)
	down := func(before Status, since time.Time) Inputs {
		return Inputs{Before: before, Health: Health{Probed: true, Known: true, Down: true, Since: since}}
	}
	taken := &Decision{Kind: Drained, At: started, TakenOut: earlier}
	for _, c := range []struct {
		name string
		in   Inputs
		want time.Time
	}{
		{"the first time", Inputs{}, noon},
		{"stays", Inputs{Before: Status{Since: earlier}}, earlier},
		{"from the future", Inputs{Before: Status{Since: later}}, noon},
		{"changes", Inputs{Before: Status{State: referral.Down, Since: earlier}}, noon},
		{"as probes say", down(Status{Since: started}, earlier), earlier},
		{"as probes say, absurdly", down(Status{}, later), noon},
		{"as remembered", down(Status{State: referral.Down, Since: started}, earlier), started},
		{"as decided", Inputs{Decision: taken}, earlier},
		{"offline as decided", Inputs{Decision: &Decision{Kind: Offline, At: started}}, started},
	} {
		if got := Judge(c.in, noon).Since; !got.Equal(c.want) {
			t.Errorf("%s: Judge().Since = %v, want %v", c.name, got, c.want)
		}
	}
}

func TestReasonsAreBoundedLines(t *testing.T) {
	bad := strings.Repeat("\x00\xff\u202e\nü", 1<<12)
	in := judged(func(in *Inputs) {
		in.Own = Own{Heard: true, State: status.Failed, Error: bad}
		in.Decision = &Decision{Kind: Drained, Reason: bad, By: bad}
		in.Health = Health{Probed: true, Held: true}
	})
	for range 2 {
		got := Judge(in, noon).Reason
		if len(got) > 2048 || strings.ContainsFunc(got, unprintable) {
			t.Errorf("Judge().Reason = %d bytes %q, want one bounded line", len(got), got)
		}
		in.Own, in.Health = Own{}, Health{Probed: true, Known: true, Down: true, Why: bad}
	}
}

func TestSpan(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "less than 1s"},
		{1500 * time.Millisecond, "1s"},
		{59 * s, "59s"},
		{time.Minute, "1m"},
		{80 * s, "1m20s"},
		{time.Hour, "1h"},
		{time.Hour + 5*time.Minute + s, "1h5m"},
		{47 * time.Hour, "47h"},
		{48 * time.Hour, "2d"},
		{53 * time.Hour, "2d5h"},
	} {
		if got := span(c.d); got != c.want {
			t.Errorf("span(%v) = %q, want %q", c.d, got, c.want)
		}
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"plain", 32, "plain"}, {" a\r\nb\t", 32, "a  b"}, {"\xffx", 32, "?x"}, {"äöüäöü", 10, "äöü…"}, {strings.Repeat("x", 99), 10, "xxxxxxx…"},
	} {
		if got := clip(c.in, c.limit); got != c.want || len(got) > c.limit {
			t.Errorf("clip(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

// TestSilenceAlone: what nobody hears of is demoted, but not for the sake of what
// is known to be behind.
func TestSilenceAlone(t *testing.T) {
	silent := Inputs{
		Replicated: true, Started: noon.Add(-time.Hour), Before: Status{State: referral.Up, Since: started},
		Words: []Word{{By: "fs1", Age: time.Minute, Connected: true}},
	}
	behind := silent
	behind.Words = []Word{{By: "fs1", Age: time.Minute, Connected: true, Files: 3, Oldest: time.Minute}}
	sticky := silent
	sticky.Before = Status{State: referral.Lagging, Unheard: true}
	lagged := silent
	lagged.Before = Status{State: referral.Lagging}
	for _, c := range []struct {
		name           string
		in             Inputs
		unheard, blind bool // it is Unheard; with Blind it is up
	}{
		{"well before", silent, true, true},
		{"behind when it was heard last", behind, false, false},
		{"demoted for silence before", sticky, true, false},
		{"demoted before", lagged, false, false},
	} {
		got := Judge(c.in, noon)
		c.in.Blind = true
		with := Judge(c.in, noon)
		if got.State != referral.Lagging || got.Unheard != c.unheard || (with.State == referral.Up) != c.blind || with.Reason == "" {
			t.Errorf("%s: Judge() = %+v, blind %+v", c.name, got, with)
		}
	}
}
