package journal

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return epoch.Add(time.Duration(seconds * float64(time.Second))) }

// The events of the tables.
func touch(path string) event { return say(path, touched) }
func write(path string) event { return say(path, written) }
func shut(path string) event  { return say(path, closed) }
func gone(path string) event  { return say(path, removed) }

func say(path string, k kind) event {
	dir, base := split(path)
	return event{at: name{dir, base}, kind: k}
}

func move(from, to string) event {
	e := say(to, renamed)
	e.from.dir, e.from.base = split(from)
	return e
}

func TestSettle(t *testing.T) {
	type heard struct {
		at     float64
		events []event
	}
	tests := []struct {
		name  string
		most  float64 // seconds; 0 is 60
		heard []heard
		want  []string // "time: paths"
	}{
		{"quiet for a second", 0, []heard{{0, []event{touch("a")}}}, []string{"1: a"}},
		{"each event arms again", 0, []heard{{0, []event{touch("a")}}, {0.5, []event{touch("a")}}, {1.2, []event{gone("a")}}}, []string{"2.2: a"}},
		{"names are quiet by themselves", 0, []heard{{0, []event{touch("a")}}, {0.5, []event{touch("b")}}}, []string{"1: a", "1.5: b"}},
		{"open until closed", 0, []heard{{0, []event{write("a")}}, {5, []event{write("a")}}, {9, []event{shut("a")}}}, []string{"10: a"}},
		{"never closed", 0, []heard{{0, []event{write("a")}}}, []string{"60: a"}},
		{"never closed, no limit", -1, []heard{{0, []event{write("a")}}}, nil},
		{"never at rest", 2, []heard{{0, []event{touch("a")}}, {0.9, []event{touch("a")}}, {1.8, []event{touch("a")}}, {2.5, []event{touch("a")}}}, []string{"2: a", "3.5: a"}},
		{"written again after it was told", 2, []heard{{0, []event{write("a")}}, {3, []event{write("a")}}, {4, []event{shut("a")}}}, []string{"2: a", "5: a"}},
		{"closed and written again", 0, []heard{{0, []event{write("a"), shut("a"), write("a")}}, {3, []event{shut("a")}}}, []string{"4: a"}},
		{"an open file that is deleted", 0, []heard{{0, []event{write("a")}}, {1, []event{gone("a")}}}, []string{"2: a"}},
		{"both sides of a rename", 0, []heard{{0, []event{move("a", "b")}}, {0.9, []event{touch("b")}}}, []string{"1.9: a b"}},
		{"a side that was waiting already", 0, []heard{{0, []event{touch("a")}}, {0.9, []event{move("a", "d/b")}}}, []string{"1.9: a d/b"}},
		{"renamed while written", 0, []heard{{0, []event{write("a"), move("a", "b")}}, {3, []event{shut("b")}}}, []string{"4: a b"}},
		{"replaced while written", 0, []heard{{0, []event{write("b"), touch("a"), move("a", "b")}}}, []string{"1: a b"}},
		{"as Office saves", 0, []heard{
			{0, []event{touch("tmp"), write("tmp"), shut("tmp")}},
			{0.3, []event{move("doc", "old")}},
			{0.6, []event{move("tmp", "doc"), gone("old")}},
		}, []string{"1.6: doc old tmp"}},
		{"two chains meet", 0, []heard{{0, []event{move("a", "b"), move("c", "d"), touch("x")}}, {0.5, []event{move("b", "c")}}}, []string{"1: x", "1.5: a b c d"}},
		{"chains that meet are open together", 0, []heard{
			{0, []event{write("w"), move("w", "v"), move("p", "q"), move("q", "r")}},
			{0.5, []event{move("w", "r")}},
			{3, []event{shut("v")}},
			{3.5, []event{write("r")}},
			{5, []event{shut("r")}},
		}, []string{"6: p q r v w"}},
		{"a chain has an end", 2, []heard{{0, []event{move("a", "b")}}, {0.9, []event{move("b", "c")}}, {1.8, []event{move("c", "d")}}}, []string{"2: a b c d"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			most := time.Duration(tt.most * float64(time.Second))
			if most == 0 {
				most = time.Minute
			}
			s := newSettle(time.Second, most, 100)
			var got []string
			until := func(now time.Time) {
				for {
					due, waits := s.due()
					if !waits || due.After(now) {
						return
					}
					got = append(got, fmt.Sprintf("%g:%s", due.Sub(epoch).Seconds(), paths(s.take(due))))
				}
			}
			for _, h := range tt.heard {
				until(at(h.at))
				s.add(at(h.at), h.events)
			}
			until(at(1e6))
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("told %q, want %q", got, tt.want)
			}
		})
	}
}

func paths(hints []Hint) (out string) {
	for _, h := range compact(hints) {
		out += " " + join(h.Dir, h.Name)
	}
	return out
}

// TestSettleKeepsItsPromises: whatever comes, each event is followed by a hint
// that covers it, not before it was quiet and not later than it may be; sides
// of a rename come together; nothing waits twice and the bound holds.
func TestSettleKeepsItsPromises(t *testing.T) {
	quiet, most := time.Second, 10*time.Second
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 7))
		names := 5 + rng.IntN(100)
		// Every other run collapses now and then, which tells too early too.
		limit := []int{60, 1000}[seed%2]
		collapses := limit == 60
		s := newSettle(quiet, most, limit)
		pick := func() string {
			if rng.IntN(2) == 0 {
				return fmt.Sprintf("d%d/n%d", rng.IntN(1+names/10), rng.IntN(names))
			}
			return fmt.Sprintf("n%d", rng.IntN(names))
		}
		owed := map[string]time.Time{} // first event since it was told
		last := map[string]time.Time{}
		pairs := map[[2]string]bool{} // of renames since neither side was told
		now := epoch
		for range 400 {
			now = now.Add(time.Duration(rng.IntN(400)) * time.Millisecond)
			batch := make([]event, rng.IntN(6))
			for i := range batch {
				a, b := pick(), pick()
				batch[i] = []event{touch(a), write(a), shut(a), gone(a), move(b, a)}[rng.IntN(5)]
				sides := []string{a}
				if batch[i].kind == renamed {
					sides = append(sides, b)
					pairs[[2]string{a, b}] = true
				}
				for _, side := range sides {
					last[side] = now
					if _, waits := owed[side]; !waits {
						owed[side] = now
					}
				}
			}
			s.add(now, batch)
			if len(s.names) > limit || len(s.queue) > len(s.names) {
				t.Fatalf("seed %d: %d names and %d groups wait, limit %d", seed, len(s.names), len(s.queue), limit)
			}
			if rng.IntN(3) > 0 {
				continue
			}
			hints := s.take(now)
			told := func(path string) bool {
				dir, base := split(path)
				return slices.ContainsFunc(hints, func(h Hint) bool { return h.Covers(dir, base) })
			}
			for pair := range pairs {
				if told(pair[0]) != told(pair[1]) && owed[pair[0]] != (time.Time{}) && owed[pair[1]] != (time.Time{}) {
					t.Fatalf("seed %d: a rename between %v was told by half", seed, pair)
				}
				if told(pair[0]) || told(pair[1]) {
					delete(pairs, pair)
				}
			}
			for path, first := range owed {
				early := now.Sub(last[path]) < quiet && now.Sub(first) < most
				if told(path) && early && !collapses {
					// Only a partner that has waited for long may hurry it.
					old := func(h Hint) bool { f, waits := owed[join(h.Dir, h.Name)]; return waits && now.Sub(f) >= most }
					if !slices.ContainsFunc(hints, old) {
						t.Fatalf("seed %d: %s told %s after its last event", seed, path, now.Sub(last[path]))
					}
				}
				if !told(path) && now.Sub(first) >= most {
					t.Fatalf("seed %d: %s waits for %s", seed, path, now.Sub(first))
				}
			}
			for path := range owed {
				if told(path) {
					delete(owed, path)
				}
			}
		}
	}
}

func TestSettleCollapses(t *testing.T) {
	s := newSettle(time.Second, time.Minute, 100)
	var batch []event
	for i := range 101 {
		batch = append(batch, write(fmt.Sprintf("d%d/n%d", i%10, i)))
	}
	s.add(at(0), batch[:1])
	s.add(at(5), batch[1:])
	if len(s.names) != 10 {
		t.Fatalf("%d names wait, want the 10 directories", len(s.names))
	}
	if hints := s.take(at(5.9)); len(hints) != 0 {
		t.Errorf("told too early: %v", hints)
	}
	for _, h := range s.take(at(6)) {
		if h.Name != "" || !h.Deep || h.Dir == "." {
			t.Errorf("collapsed to %+v, want a directory with all below", h)
		}
	}
	batch = nil
	for i := range 101 {
		batch = append(batch, gone(fmt.Sprintf("d%d/n", i)))
	}
	s.add(at(10), batch)
	if hints, want := s.take(at(11)), []Hint{{Dir: ".", Deep: true}}; !reflect.DeepEqual(hints, want) {
		t.Errorf("collapsed to %v, want %v", hints, want)
	}
	if _, waits := s.due(); waits || len(s.names) != 0 {
		t.Error("something is left")
	}
}
