package targetstate

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dfsd/referral"
	"dfsd/replication/status"
)

// ages are around every bound that Judge knows, and absurd ones.
var ages = []time.Duration{
	0, s, CaughtUp, CaughtUp + 1, 9 * s, StaleAfter, StaleAfter + 1, 29 * s, SilenceAllowed, SilenceAllowed + 1,
	time.Minute, time.Minute + 1, time.Hour, 1<<63 - 1, -1, -1 << 63,
}

// thousands checks a property on some thousand histories, not on rapid's hundred.
func thousands(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	for range 40 {
		rapid.Check(t, property)
	}
}

func anyWord(t *rapid.T, by string) Word {
	return Word{
		By: by, Age: rapid.SampledFrom(ages).Draw(t, "age"), Connected: rapid.Bool().Draw(t, "connected"),
		Files: rapid.SampledFrom([]int64{0, 0, 0, 1, 12, 1<<63 - 1, -1}).Draw(t, "files"), Oldest: rapid.SampledFrom(ages).Draw(t, "oldest"),
	}
}

func anyWords(t *rapid.T, speakers ...string) []Word {
	var words []Word
	for _, by := range speakers {
		if rapid.Bool().Draw(t, by) {
			words = append(words, anyWord(t, by))
		}
	}
	return words
}

func anyDecision(t *rapid.T) *Decision {
	if rapid.IntRange(0, 5).Draw(t, "decided") != 0 {
		return nil
	}
	d := Decision{Kind: rapid.SampledFrom([]Kind{Drained, Offline}).Draw(t, "kind"), At: noon.Add(-time.Hour)}
	d.TakenOut = rapid.SampledFrom([]time.Time{{}, noon.Add(-time.Minute)}).Draw(t, "taken out")
	d.Until = rapid.SampledFrom([]time.Time{{}, noon.Add(-1), noon.Add(time.Hour)}).Draw(t, "until")
	return &d
}

func anyHealth(t *rapid.T) Health {
	bit := func(name string) bool { return rapid.Bool().Draw(t, name) }
	return Health{Probed: bit("probed"), Known: bit("known"), Down: bit("down"), Held: bit("held") && bit("really"), Why: "refused"}
}

func anyInputs(t *rapid.T) Inputs {
	states := []status.State{status.Normal, status.Normal, status.Normal, status.Paused, status.InitialSync, status.Recovering, status.Failed, ""}
	return Inputs{
		Member: "fs2", Decision: anyDecision(t), Health: anyHealth(t),
		Replicated: rapid.IntRange(0, 3).Draw(t, "replicated") > 0,
		MaxLag:     rapid.SampledFrom([]time.Duration{0, 0, s, time.Minute, time.Hour, -1}).Draw(t, "gate"),
		Own: Own{
			Heard: rapid.Bool().Draw(t, "heard"), Age: rapid.SampledFrom(ages).Draw(t, "own age"),
			State: rapid.SampledFrom(states).Draw(t, "own state"), Words: anyWords(t, "own fs1", "own fs3"),
		},
		Words:   anyWords(t, "fs1", "fs3", "fs4"),
		Before:  Status{State: rapid.SampledFrom([]referral.State{0, 1, 2, 3, 4}).Draw(t, "before"), Since: noon.Add(-s)},
		Started: noon.Add(-rapid.SampledFrom(ages[:14]).Draw(t, "started")),
	}
}

func copyOf(in Inputs) Inputs {
	in.Words, in.Own.Words = slices.Clone(in.Words), slices.Clone(in.Own.Words)
	return in
}

// TestMoreLagIsNeverBetter worsens a word, drops what proves contact, or
// tightens the gate, and looks whether the target gained by it.
func TestMoreLagIsNeverBetter(t *testing.T) {
	thousands(t, func(t *rapid.T) {
		in := anyInputs(t)
		worse := copyOf(in)
		words := append(worse.Words[:len(worse.Words):len(worse.Words)], worse.Own.Words...)
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0, 1:
			if len(words) == 0 {
				return
			}
			i := rapid.IntRange(0, len(words)-1).Draw(t, "word")
			worsen(t, &words[i])
			worse.Words, worse.Own.Words = words[:len(in.Words)], words[len(in.Words):]
		case 2:
			for i := range worse.Words {
				worse.Words[i].Connected = false
			}
		case 3:
			if in.MaxLag > s {
				worse.MaxLag = s
			}
		case 4:
			worse.Before.State = max(in.Before.State, referral.Lagging)
		}
		if a, b := Judge(in, noon), Judge(worse, noon); b.State < a.State {
			t.Fatalf("Judge(%+v) = %+v, but with more lag, Judge(%+v) = %+v", in, a, worse, b)
		}
	})
}

// worsen lets a word say more, without its becoming stale.
func worsen(t *rapid.T, w *Word) {
	switch rapid.IntRange(0, 2).Draw(t, "how") {
	case 0:
		w.Files = max(w.Files, 1)
	case 1:
		w.Oldest = max(w.Oldest, rapid.SampledFrom(ages).Draw(t, "older"))
	case 2:
		if older := rapid.SampledFrom(ages).Draw(t, "staler"); older > w.Age && (older > StaleAfter) == (w.Age > StaleAfter) {
			w.Age = older
		}
	}
}

// TestConfigurationWins: whatever else is known.
func TestConfigurationWins(t *testing.T) {
	thousands(t, func(t *rapid.T) {
		in := anyInputs(t)
		in.Offline = true
		if got := Judge(in, noon); got.State != referral.Offline || got.Leaving {
			t.Fatalf("Judge(%+v) = %+v, want offline", in, got)
		}
	})
}

// TestJudgeIsPure: the same facts in any order give the same, and stay as they
// were.
func TestJudgeIsPure(t *testing.T) {
	thousands(t, func(t *rapid.T) {
		in := anyInputs(t)
		kept := copyOf(in)
		got := Judge(in, noon)
		if !reflect.DeepEqual(in, kept) {
			t.Fatalf("Judge() made %+v of %+v", in, kept)
		}
		slices.Reverse(kept.Words)
		slices.Reverse(kept.Own.Words)
		if again := Judge(kept, noon); again != got {
			t.Fatalf("Judge(%+v) = %+v, in another order %+v", in, got, again)
		}
		if (got.State != referral.Up || got.Leaving) && got.Reason == "" {
			t.Fatalf("Judge(%+v) = %+v, want a reason", in, got)
		}
	})
}

// TestHistories runs targets through changing facts, and looks at each step.
func TestHistories(t *testing.T) {
	thousands(t, func(t *rapid.T) {
		var before Status
		now := noon
		for range 30 {
			in := anyInputs(t)
			in.Before, in.Started = before, noon.Add(-s)
			now = now.Add(rapid.SampledFrom([]time.Duration{0, s, 20 * s}).Draw(t, "passed"))
			got := Judge(in, now)
			checkStep(t, in, got, now)
			before = got
		}
	})
}

// checkStep holds a step against the rules, said in another way than in Judge.
func checkStep(t *rapid.T, in Inputs, got Status, now time.Time) {
	h, was := in.Health, in.Before.State
	out := in.Decision != nil && !in.Decision.Expired(now) && (in.Decision.Kind == Offline || !in.Decision.TakenOut.IsZero())
	asBefore := h.Probed && was != referral.Up && (h.Held || !h.Known)
	failing := h.Probed && h.Known && h.Down && !h.Held
	switch {
	case out != (got.State >= referral.Drained):
		t.Fatalf("Judge(%+v) = %+v; taken out: %v", in, got, out)
	case out:
	case !asBefore && failing != (got.State == referral.Down):
		t.Fatalf("Judge(%+v) = %+v; fails its probes: %v", in, got, failing)
	case h.Probed && h.Held && was == referral.Down && got.State != referral.Down:
		t.Fatalf("Judge(%+v) = %+v, want it held down", in, got)
	case in.Replicated && got.State == referral.Up && was != referral.Up && !provenEqual(in):
		t.Fatalf("Judge(%+v) = %+v, but nobody says that it holds everything", in, got)
	case !in.Replicated && got.State == referral.Lagging:
		t.Fatalf("Judge(%+v) = %+v, but it does not replicate", in, got)
	case got.Since.After(now) || got.State == was && !in.Before.Since.IsZero() && !got.Since.Equal(in.Before.Since):
		t.Fatalf("Judge(%+v) = %+v, want the time of the last change", in, got)
	}
}

// provenEqual reports whether there is a fresh word, and none that the member
// lacks more than is on its way in any case.
func provenEqual(in Inputs) bool {
	proven := false
	for i, w := range slices.Concat(in.Words, in.Own.Words) {
		if i >= len(in.Words) && !in.Own.Heard {
			break
		}
		if i >= len(in.Words) {
			w.Age = max(w.Age, in.Own.Age)
		}
		if w.Age > StaleAfter {
			continue
		}
		if w.Files > 0 && (w.Oldest > CaughtUp || max(w.Oldest, 0)+max(w.Age, 0) > CaughtUp) {
			return false
		}
		proven = true
	}
	return proven
}
