package targetstate

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dfsd/referral"
)

func other(host string, lacks int64) DrainTarget {
	return DrainTarget{Path: `\\` + host + `\projects`, Known: true, Lacks: lacks}
}

func folder(others ...DrainTarget) DrainFolder {
	return DrainFolder{Path: projects, TTL: 30 * time.Minute, Short: time.Minute, Replicated: true, Others: others}
}

// TestDrainStory follows a drain from the command to its end.
func TestDrainStory(t *testing.T) {
	d := onTarget(Drained, `\\fs2\projects`)
	step := func(after time.Duration, f DrainFolder) DrainPlan {
		t.Helper()
		now := noon.Add(after)
		plan := Drain(d, DrainFacts{Folders: []DrainFolder{f}, Now: now})
		d, _ = d.Advance(plan, now)
		return plan
	}
	check := func(what string, got, want DrainPlan) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: Drain() = %+v, want %+v", what, got, want)
		}
	}
	half := noon.Add(30*time.Minute + TableDelay)
	check("at once", step(0, folder(other("fs1", 0))), DrainPlan{
		Phase: ShortenTTL, WaitingFor: []string{"referrals to carry the short TTL"}, Until: half,
	})
	check("others lack files", step(2*s, folder(other("fs3", 40), other("fs1", 12))), DrainPlan{
		Phase: WaitForOthers, WaitingFor: []string{projects + `: \\fs1\projects lacks 12 files, \\fs3\projects lacks 40 files`}, Until: half,
	})
	check("still, much later", step(29*time.Minute+30*s, folder(other("fs1", 1))), DrainPlan{
		Phase: WaitForOthers, WaitingFor: []string{projects + `: \\fs1\projects lacks 1 file`}, Until: noon.Add(30*time.Minute + 32*s),
	})
	if d.InEffect() {
		t.Fatal("the target is out before others hold everything")
	}
	out := 29*time.Minute + 40*s
	end := noon.Add(out + time.Minute + TableDelay)
	forget := []string{"clients to forget it, at 12:30:42 UTC"}
	check("others hold everything", step(out, folder(other("fs3", 40), other("fs1", 0))), DrainPlan{
		Phase: WaitForTTL, TakenOut: true, WaitingFor: forget, Until: end,
	})
	if !d.TakenOut.Equal(noon.Add(out)) || !d.InEffect() {
		t.Fatalf("Advance() noted %v, want the time it was taken out", d.TakenOut)
	}
	down := other("fs1", 5)
	down.State = referral.Down
	check("it stays out whatever befalls others", step(out+s, folder(down)), DrainPlan{
		Phase: WaitForTTL, TakenOut: true, WaitingFor: forget, Until: end,
	})
	check("the last changes", step(out+time.Minute+TableDelay, folder(down)), DrainPlan{
		Phase: WaitForLast, TakenOut: true, WaitingFor: []string{projects + `: \\fs1\projects lacks 5 files`}, Until: end,
	})
	down.Lacks = 0
	done := DrainPlan{Phase: Emptied, TakenOut: true, Done: true, Until: end}
	check("done", step(out+2*time.Minute, folder(down)), done)
	down.Known = false
	check("it stays done once the member is off", step(out+time.Hour, folder(down)), done)
}

func TestDrainWaitsForOthers(t *testing.T) {
	is := func(state referral.State) DrainTarget {
		o := other("fs1", 0)
		o.State = state
		return o
	}
	unheard, leaving, plain := other("fs1", 0), other("fs1", 0), folder(is(referral.Up))
	unheard.Known, leaving.Leaving = false, true
	untried, doubted := other("fs1", 0), folder(unheard, is(referral.Down))
	untried.Untried, doubted.Doubt, doubted.Others[1].Known = true, "fs2 is halted", false
	known := folder(unheard, other("fs3", 1))
	known.Doubt = "fs2 is halted"
	plain.Replicated, plain.Others[0].Known, plain.Others[0].Lacks = false, false, 9
	for _, c := range []struct {
		name   string
		folder DrainFolder
		want   string // "" for taken out
	}{
		{"up and equal", folder(is(referral.Up)), ""},
		{"up, does not replicate", plain, ""},
		{"no other", folder(), "has no other target; " + endLast},
		{"down", folder(is(referral.Down)), `\\fs1\projects is down`},
		{"lagging", folder(is(referral.Lagging)), `\\fs1\projects is lagging`},
		{"drained", folder(is(referral.Drained)), `\\fs1\projects is drained`},
		{"leaving", folder(leaving), `\\fs1\projects is being drained too`},
		{"not probed yet", folder(untried), `\\fs1\projects is not known to be up, probes do not tell yet`},
		{"nobody can know", doubted, `\\fs1\projects is not known to hold everything, \\fs1\projects is down, fs2 is halted`},
		{"somebody knows", known, `\\fs3\projects lacks 1 file, \\fs1\projects is not known to hold everything`},
		{"not heard of", folder(unheard), `\\fs1\projects is not known to hold everything`},
		{"one of many", folder(is(referral.Down), other("fs3", 2), other("fs4", 0)), ""},
		{"no one of many", folder(is(referral.Down), other("fs3", 2), other("fs4", 1), unheard, other("fs5", 3)), `\\fs4\projects lacks 1 file, \\fs3\projects lacks 2 files, \\fs5\projects lacks 3 files, and 2 more`},
	} {
		d := onTarget(Drained, `\\fs2\projects`)
		plan := Drain(d, DrainFacts{Folders: []DrainFolder{c.folder}, Now: noon.Add(time.Minute)})
		got := strings.TrimPrefix(strings.Join(plan.WaitingFor, "|"), projects+": ")
		if c.want == "" != plan.TakenOut || c.want != "" && got != c.want || plan.Done {
			t.Errorf("%s: Drain() = %+v, want %q", c.name, plan, c.want)
		}
	}
}

func TestDrainEndings(t *testing.T) {
	left, none := other("fs1", 7), other("fs1", 0)
	left.State, none.State = referral.Down, referral.Drained
	over := onTarget(Drained, `\\fs2\projects`)
	over.Until = noon.Add(time.Minute)
	out := onTarget(Drained, `\\fs2\projects`)
	out.TakenOut = noon
	old := out
	old.OldTTL = 2 * time.Hour
	early := onTarget(Drained, `\\fs2\projects`)
	early.TakenOut = noon.Add(-time.Hour)
	offline := onTarget(Offline, `\\fs2\projects`)
	end := 30*time.Minute + TableDelay
	before, since, unread := other("fs1", 0), other("fs1", 0), folder(other("fs1", 0))
	before.Age, since.Age, unread.Unread = s+1, s, 2
	sent := "clients are sent to it as long as no other target is left; " + endLast
	for _, c := range []struct {
		name  string
		d     Decision
		f     []DrainFolder
		after time.Duration
		phase Phase
		want  string
	}{
		{"expired", over, []DrainFolder{folder()}, time.Minute, Over, ""},
		{"not yet expired", over, []DrainFolder{folder()}, time.Minute - 1, WaitForOthers, "has no other target; " + endLast},
		{"no folders", out, nil, TableDelay, WaitForLast, nowhere},
		{"no folders, not out yet", onTarget(Drained, `\\fs2\projects`), nil, time.Hour, WaitForOthers, nowhere},
		{"no folders, the old TTL", old, nil, 2*time.Hour + TableDelay - 1, WaitForTTL, "clients to forget it, at 14:00:02 UTC"},
		{"the old TTL counts", old, []DrainFolder{folder(none, other("fs3", 0))}, 2 * time.Hour, WaitForTTL, "clients to forget it, at 14:00:02 UTC"},
		{"out before the drain", early, []DrainFolder{folder(other("fs1", 0))}, 0, Emptied, ""},
		{"the last one goes on", out, []DrainFolder{folder(none)}, time.Hour, WaitForLast, sent},
		{"said before the end", out, []DrainFolder{folder(before)}, end + s, WaitForLast, `\\fs1\projects is not known to hold everything`},
		{"said since the end", out, []DrainFolder{folder(since)}, end + s, Emptied, ""},
		{"open files", out, []DrainFolder{unread}, end, WaitForLast, "2 files there cannot be read; most often programs have them open"},
		{"offline at once", offline, []DrainFolder{folder(left)}, 0, WaitForTTL, "clients to forget it, at 12:30:02 UTC"},
		{"offline waits for no replication", offline, []DrainFolder{folder(left)}, time.Hour, Emptied, ""},
		{"offline, the last one", offline, []DrainFolder{folder()}, time.Hour, WaitForLast, sent},
	} {
		plan := Drain(c.d, DrainFacts{Folders: c.f, Now: noon.Add(c.after)})
		got := strings.TrimPrefix(strings.Join(plan.WaitingFor, "|"), projects+": ")
		if plan.Phase != c.phase || got != c.want || plan.Done != (c.phase >= Emptied) {
			t.Errorf("%s: Drain() = %+v, want %v for %q", c.name, plan, c.phase, c.want)
		}
		next, news := c.d.Advance(plan, noon)
		if finished := c.phase == Emptied; news != finished || next.Finished.IsZero() == finished {
			t.Errorf("%s: Advance(%+v) = %+v, %v, want it finished: %v", c.name, plan, next, news, finished)
		}
	}
}

func TestDrainSaysNotTooMuch(t *testing.T) {
	facts := DrainFacts{Now: noon.Add(time.Hour)}
	for range 1000 {
		facts.Folders = append(facts.Folders, folder())
	}
	plan := Drain(onTarget(Drained, `\\fs2\projects`), facts)
	if n := len(plan.WaitingFor); n != maxWaiting+1 || plan.WaitingFor[maxWaiting] != "and 980 more folders" {
		t.Errorf("Drain() waits in %d lines, the last %q, want %d", n, plan.WaitingFor[n-1], maxWaiting+1)
	}
}

// TestNoClientIsLeft simulates clients that ask while a target is drained: when
// the drain is done, none holds a referral that names it, and the drain took no
// longer than it had to.
func TestNoClientIsLeft(t *testing.T) {
	thousands(t, func(t *rapid.T) {
		seconds := func(name string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * s
		}
		f := DrainFolder{Path: projects, TTL: seconds("ttl", 300), Short: seconds("short", 100), Others: []DrainTarget{other("fs1", 0)}}
		d := Decision{Kind: rapid.SampledFrom([]Kind{Drained, Offline}).Draw(t, "kind"), Host: "fs2", At: noon}
		ready, late := seconds("others are ready", 400), seconds("table is late", int(TableDelay/s)-1)
		lastKept := noon.Add(f.TTL) // of a client that asked just before
		var table []Decision        // what referrals knew, each second
		for now := noon; ; now = now.Add(s) {
			if now.Sub(noon) > time.Hour {
				t.Fatal("the drain does not end")
			}
			f.Others[0].State = referral.Up
			if now.Before(noon.Add(ready)) {
				f.Others[0].State = referral.Lagging
			}
			plan := Drain(d, DrainFacts{Folders: []DrainFolder{f}, Now: now})
			d, _ = d.Advance(plan, now)
			if plan.Done {
				if now.Before(lastKept) || now.After(lastKept.Add(3*TableDelay)) {
					t.Fatalf("done at %v, the last client forgets it at %v", now.Sub(noon), lastKept.Sub(noon))
				}
				return
			}
			table = append(table, d)
			lastKept = latest(lastKept, clientKeeps(f, table, late, now))
		}
	})
}

// clientKeeps is until when a client that asks now keeps a referral that names
// the target; zero where it gets none.
func clientKeeps(f DrainFolder, table []Decision, late time.Duration, now time.Time) time.Time {
	known := len(table) - 1 - int(late/s)
	if known < 0 {
		return now.Add(f.TTL) // the table before the decision
	}
	if table[known].InEffect() {
		return time.Time{}
	}
	if f.Short == 0 {
		return now.Add(f.TTL)
	}
	return now.Add(min(f.TTL, f.Short))
}

func TestPhaseNames(t *testing.T) {
	for p := ShortenTTL; p <= Over; p++ {
		if strings.HasPrefix(p.String(), "phase") {
			t.Errorf("Phase %d has no name", p)
		}
	}
	if got := Phase(99).String(); got != "phase 99" {
		t.Errorf("Phase(99) = %q", got)
	}
}
