package adsites

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// entrant is what one try of a race comes to, so long after it began.
type entrant struct {
	after time.Duration
	fails bool
	deaf  bool // it does not hear that it has lost
}

// TestRace: who starts when, who wins when, and what is said of the others.
func TestRace(t *testing.T) {
	const ms = time.Millisecond
	quick, dead := entrant{after: 10 * ms}, entrant{after: time.Hour}
	refused := entrant{after: ms, fails: true}
	timeout := func(after time.Duration) entrant { return entrant{after: after, fails: true} }
	for _, tt := range []struct {
		name     string
		entrants []entrant
		abreast  int
		cancel   time.Duration // of the caller; 0: never
		want     string
	}{
		{"nobody", nil, 4, 0, "-1 at 0s"},
		{"all answer", []entrant{quick, quick, quick}, 4, 0, "0 starts at 0s; 0 at 10ms"},
		{"just in time", []entrant{{after: 99 * ms}, quick}, 4, 0, "0 starts at 0s; 0 at 99ms"},
		{"the second has its go", []entrant{dead, quick, quick}, 4, 0, "0 starts at 0s; 1 starts at 100ms; 1 at 110ms; silent [0]"},
		{"the first keeps its chance", []entrant{{after: 150 * ms}, {after: 60 * ms}}, 4, 0, "0 starts at 0s; 1 starts at 100ms; 0 at 150ms"},
		{
			"who had a head start is silent, before and behind",
			[]entrant{dead, {after: 190 * ms}, dead, dead},
			4, 0,
			"0 starts at 0s; 1 starts at 100ms; 2 starts at 200ms; 1 at 290ms; silent [0]",
		},
		{"refused at once", []entrant{refused, refused, quick}, 4, 0, "0 starts at 0s; 1 starts at 1ms; 2 starts at 2ms; 2 at 12ms; failed [0 1]"},
		{
			"a head start is not shortened by who began before",
			[]entrant{timeout(150 * ms), {after: 99 * ms}, quick},
			4, 0,
			"0 starts at 0s; 1 starts at 100ms; 1 at 199ms; failed [0]",
		},
		{
			"bounded",
			[]entrant{timeout(500 * ms), timeout(600 * ms), quick, quick},
			2, 0,
			"0 starts at 0s; 1 starts at 100ms; 2 starts at 500ms; 2 at 510ms; failed [0]; silent [1]",
		},
		{"one at a time", []entrant{timeout(500 * ms), quick}, 1, 0, "0 starts at 0s; 1 starts at 500ms; 1 at 510ms; failed [0]"},
		{
			"all fail",
			[]entrant{timeout(500 * ms), refused, timeout(500 * ms)},
			4, 0,
			"0 starts at 0s; 1 starts at 100ms; 2 starts at 101ms; -1 at 601ms; failed [0 1 2]",
		},
		{
			"what comes too late is given back",
			[]entrant{{after: 300 * ms, deaf: true}, quick},
			4, 0,
			"0 starts at 0s; 1 starts at 100ms; 0 is discarded; 1 at 300ms; silent [0]",
		},
		{"the caller gives up", []entrant{dead, dead, quick}, 4, 150 * ms, "0 starts at 0s; 1 starts at 100ms; -1 at 150ms; failed [0 1]"},
		{"the caller had given up", []entrant{quick}, 4, -1, "-1 at 0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				switch {
				case tt.cancel > 0:
					time.AfterFunc(tt.cancel, stop)
				case tt.cancel < 0:
					stop()
				}
				if got := run(ctx, tt.entrants, tt.abreast); got != tt.want {
					t.Errorf("%s\nwant %s", got, tt.want)
				}
			})
		})
	}
}

// run tells a race of entrants with a head start of 100 ms.
func run(ctx context.Context, entrants []entrant, abreast int) string {
	var mu sync.Mutex
	var told []string // guarded by mu
	began := time.Now()
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, fmt.Sprintf(format, args...))
	}
	out := race[int]{
		headStart: 100 * time.Millisecond, abreast: abreast,
		try: func(ctx context.Context, i int) (int, error) {
			note("%d starts at %v", i, time.Since(began))
			e := entrants[i]
			if e.deaf {
				ctx = context.WithoutCancel(ctx)
			}
			if !wait(ctx, e.after) {
				return 0, context.Cause(ctx)
			}
			if e.fails {
				return 0, errors.New("refused")
			}
			return 100 + i, nil
		},
		discard: func(prize int) { note("%d is discarded", prize-100) },
	}.run(ctx, len(entrants))
	note("%d at %v", out.winner, time.Since(began))
	if out.winner >= 0 && out.prize != 100+out.winner {
		note("with the prize %d", out.prize)
	}
	var failed []int
	for i, err := range out.faults {
		if err != nil {
			failed = append(failed, i)
		}
	}
	if len(failed) > 0 {
		note("failed %v", failed)
	}
	if len(out.silent) > 0 {
		note("silent %v", out.silent)
	}
	return strings.Join(told, "; ")
}

// TestDeadServersAreOvertaken: with the times in force, none that is dead makes
// one behind it wait for a place.
func TestDeadServersAreOvertaken(t *testing.T) {
	for dead := range 30 {
		synctest.Test(t, func(t *testing.T) {
			began, most, now := time.Now(), 0, 0
			count := make(chan int, 100)
			out := race[int]{
				headStart: headStart, abreast: abreast, discard: func(int) {},
				try: func(ctx context.Context, i int) (int, error) {
					count <- 1
					defer func() { count <- -1 }()
					if i < dead && wait(ctx, dialTimeout) || ctx.Err() != nil {
						return 0, errors.New("no answer")
					}
					return i, nil
				},
			}.run(t.Context(), dead+1)
			if got, want := time.Since(began), time.Duration(dead)*headStart; out.winner != dead || got != want {
				t.Errorf("%d dead: %d wins after %v, want %d after %v", dead, out.winner, got, dead, want)
			}
			close(count)
			for step := range count {
				now += step
				most = max(most, now)
			}
			if most > abreast {
				t.Errorf("%d dead: %d at the same time, want %d at most", dead, most, abreast)
			}
		})
	}
}
