package health

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

// play steps a target through a script, one probe every ten seconds. In it
//
//	g  is a good probe
//	f  one that the host did not answer, while others answer
//	s  one that the host did not answer, and nobody else has since the last f, s or t
//	t  one where the host answered and refused the share
//	w  no probe, but a minute that passes
//	v  an s that began before hosts answered again
//	r  the hosts answer again: the row of failures is forgiven
func play(c condition, script string, p Policy) (condition, time.Time) {
	now := t0
	var elsewhere, trusted time.Time
	for _, letter := range strings.ReplaceAll(script, " ", "") {
		began := now
		now = now.Add(time.Second)
		switch letter {
		case 'w':
			now = began.Add(time.Minute)
			continue
		case 'r':
			c, trusted = c.forgive(), now
			continue
		case 'f':
			elsewhere = began
		case 'v':
			began = trusted.Add(-time.Second)
		}
		c = c.step(outcome{
			failed: letter != 'g', hostAnswered: letter == 't' || letter == 'g',
			began: began, ended: now, elsewhere: elsewhere, trusted: trusted,
		}, p)
		now = now.Add(9 * time.Second)
	}
	return c, now
}

func TestStep(t *testing.T) {
	p := Policy{DownAfter: 3, UpAfter: 2}
	tests := []struct {
		name, script string
		want         string // state, failures, successes, needed, held
	}{
		{"never probed", "", "unknown 0 0 1"},
		{"the first good probe brings it up", "g", "up 0 1 2"},
		{"failures before any good one", "ff", "unknown 2 0 1"},
		{"unknown goes down like others", "fff", "down 3 0 2"},
		{"unknown comes up after failures", "ffg", "up 0 1 2"},
		{"a row that is broken", "gffgff", "up 2 0 2"},
		{"a whole row", "gfff", "down 3 0 2"},
		{"down stays", "gfffff", "down 5 0 2"},
		{"one good probe is not enough", "gfffg", "down 0 1 2"},
		{"nor two with a failure between", "gfffgfg", "down 0 1 2"},
		{"two in a row are, and it flapped not yet", "gfffgg", "up 0 2 2"},
		{"it flaps once", "gfffgg fff", "down 3 0 4"},
		{"twice", "gfffgg fffgggg fff", "down 3 0 8"},
		{"thrice", "gfffgg fffgggg fffgggggggg fff", "down 3 0 16"},
		{"eight times is the most", "gfffgg fffgggg fffgggggggg fffgggggggggggggggg fff", "down 3 0 16"},
		{"three of four", "gfffgg fff ggg", "down 0 3 4"},
		{"four of four", "gfffgg fff gggg", "up 0 4 4"},
		{"ten quiet minutes halve", "gfffgg fffgggg fff wwwwwwwwww g", "down 0 1 4"},
		{"twenty quarter", "gfffgg fffgggg fff wwwwwwwwwwwwwwwwwwww g", "down 0 1 2"},
		{"quiet minutes count while it is up, too", "gfffgg fffgggg wwwwwwwwww fff", "down 3 0 2"},
		{"up for ten minutes is no flap", "gfffgg wwwwwwwwww fff", "down 3 0 2"},
		{"up for nine is", "gfffgg wwwwwwwww fff", "down 3 0 4"},
		{"nobody answers", "gsss", "up 3 0 2 held"},
		{"nobody answers for long", "gsssss", "up 5 0 2 held"},
		{"nobody has ever answered", "sss", "unknown 3 0 1 held"},
		{"held, then good", "gsssg", "up 0 1 2"},
		{"held, then others answer", "gsssf", "down 4 0 2"},
		{"others answered within the row", "gsfs", "down 3 0 2"},
		{"others answered before the row only", "gfss", "up 3 0 2 held"},
		{"a refused share is proof enough", "gttt", "down 3 0 2"},
		{"the last one is", "gsst", "down 3 0 2"},
		{"an earlier one is not", "gtss", "up 3 0 2 held"},
		{"a new row after an isolation", "gsss r ff", "up 2 0 2"},
		{"which must be whole", "gsss r fff", "down 3 0 2"},
		{"probes from before count for nothing", "gsss r vvvv ff", "up 2 0 2"},
		{"an isolation forgives nobody who is down", "gfff r v", "down 1 0 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, now := play(condition{}, tt.script, p)
			got := fmt.Sprintf("%v %d %d %d", c.state, c.failures, c.successes, c.needed(now, p))
			if c.held {
				got += " held"
			}
			if got != tt.want {
				t.Errorf("after %q: %s, want %s", tt.script, got, tt.want)
			}
		})
	}
}

func TestStepAtTheShortestRows(t *testing.T) {
	p := Policy{DownAfter: 1, UpAfter: 1}
	if c, _ := play(condition{}, "gf", p); c.state != Up || !c.held {
		t.Errorf("one failure: %v, held %v, want up and held: nobody answered after it", c.state, c.held)
	}
	if c, _ := play(condition{}, "gff", p); c.state != Down {
		t.Errorf("another answered after the failure: %v, want down", c.state)
	}
	if c, _ := play(condition{}, "gt", p); c.state != Down {
		t.Errorf("the share refused: %v, want down", c.state)
	}
	if c, _ := play(condition{}, "gtg", p); c.state != Up {
		t.Errorf("and granted: %v, want up", c.state)
	}
}

// TestEvidenceIsStrict: an answer at the very time of the first failure, and one
// that comes while the last probe runs, prove nothing.
func TestEvidenceIsStrict(t *testing.T) {
	p := Policy{DownAfter: 2, UpAfter: 1}
	at := func(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }
	first := condition{}.step(outcome{failed: true, began: at(0), ended: at(3), elsewhere: at(0)}, p)
	for _, tt := range []struct {
		elsewhere int
		want      State
	}{{2, Unknown}, {3, Unknown}, {4, Down}} {
		c := first.step(outcome{failed: true, began: at(10), ended: at(13), elsewhere: at(tt.elsewhere)}, p)
		if c.state != tt.want {
			t.Errorf("an answer at %d s: %v, want %v", tt.elsewhere, c.state, tt.want)
		}
	}
}

// TestStepProperties walks random histories and checks each step against the
// whole of what came before, counted anew each time.
func TestStepProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{DownAfter: rapid.IntRange(1, 4).Draw(t, "down after"), UpAfter: rapid.IntRange(1, 3).Draw(t, "up after")}
		var c condition
		var past []outcome
		now := t0
		var elsewhere, trusted time.Time
		for range rapid.IntRange(1, 120).Draw(t, "probes") {
			now = now.Add(time.Duration(rapid.IntRange(1, 200).Draw(t, "pause")) * time.Second)
			if rapid.IntRange(0, 2).Draw(t, "others") > 0 {
				elsewhere = now.Add(-time.Millisecond)
			}
			if rapid.IntRange(0, 40).Draw(t, "isolation") == 0 {
				c, trusted = c.forgiveUnlessDown(), now.Add(time.Millisecond)
			}
			o := outcome{
				failed: rapid.IntRange(0, 2).Draw(t, "failed") > 0, began: now, ended: now.Add(3 * time.Second),
				elsewhere: elsewhere, trusted: trusted,
			}
			o.hostAnswered = !o.failed || rapid.IntRange(0, 4).Draw(t, "refused") == 0
			before := c
			c = c.step(o, p)
			now = o.ended
			past = append(past, o)
			checkStep(t, before, c, past, p)
		}
	})
}

func (c condition) forgiveUnlessDown() condition {
	if c.state == Down {
		return c
	}
	return c.forgive()
}

// row returns the outcomes at the end of the history that have failed as given.
func row(past []outcome, failed bool) []outcome {
	i := len(past)
	for i > 0 && past[i-1].failed == failed {
		i--
	}
	return past[i:]
}

func checkStep(t *rapid.T, before, after condition, past []outcome, p Policy) {
	t.Helper()
	last := past[len(past)-1]
	bad, good := row(past, true), row(past, false)
	if len(good) != after.successes {
		t.Fatalf("%d successes counted, there were %d", after.successes, len(good))
	}
	if after.failures > len(bad) {
		t.Fatalf("%d failures counted, there were %d", after.failures, len(bad))
	}
	if before.state != Down && after.state == Down {
		n := p.DownAfter
		if len(bad) < n {
			t.Fatalf("down after %d failures of %d", len(bad), n)
		}
		if first := bad[len(bad)-n]; first.began.Before(last.trusted) && !first.hostAnswered {
			t.Fatalf("down by a failure from before hosts answered again")
		}
		if !last.hostAnswered && !last.elsewhere.After(bad[0].ended) {
			t.Fatalf("down while nobody else answered")
		}
	}
	if before.state == Down && after.state == Up && len(good) < p.UpAfter {
		t.Fatalf("up after %d successes of %d", len(good), p.UpAfter)
	}
	if !last.failed && before.state == Unknown && after.state != Up {
		t.Fatalf("the first good probe left it %v", after.state)
	}
	if after.held && (after.state == Down || after.failures < p.DownAfter) {
		t.Fatalf("held: %+v", after)
	}
	if need := after.needed(last.ended, p); need > p.UpAfter<<maxDamping || (after.state != Unknown && need < p.UpAfter) {
		t.Fatalf("%d successes needed of %d", need, p.UpAfter)
	}
	if (before.state != after.state) != (after.since != before.since) {
		t.Fatalf("%v since %v became %v since %v", before.state, before.since, after.state, after.since)
	}
}

func TestRestored(t *testing.T) {
	p := Policy{DownAfter: 3, UpAfter: 2}
	now := t0.Add(time.Hour)
	tests := []struct {
		name       string
		v          Verdict
		wantSince  time.Time
		wantNeeded int
	}{
		{"plain", Verdict{Since: t0, Last: now, Needed: 2}, t0, 2},
		{"damped", Verdict{Since: t0, Last: now, Needed: 8}, t0, 8},
		{"damped long ago", Verdict{Since: t0, Last: t0, Needed: 8}, t0, 2},
		{"damped more than can be", Verdict{Since: t0, Last: now, Needed: 1000}, t0, 16},
		{"since tomorrow", Verdict{Since: now.Add(time.Hour), Last: now.Add(time.Hour), Needed: 4}, now, 4},
		{"nothing known", Verdict{}, now, 2},
		{"nonsense", Verdict{Needed: -5, Failures: -5}, now, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := restored(tt.v, now, p)
			if c.state != Down || !c.since.Equal(tt.wantSince) || c.needed(now, p) != tt.wantNeeded || c.failures < 0 {
				t.Errorf("restored(%+v) = %v since %v, needs %d, want down since %v, %d", tt.v, c.state, c.since, c.needed(now, p), tt.wantSince, tt.wantNeeded)
			}
		})
	}
}
