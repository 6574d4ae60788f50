package adsites

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// script answers a follower and notes when it was asked.
type script struct {
	begin   time.Time
	log     []string
	read    func(n int) error
	changed func(n int) (bool, error)
	reads   int
	looks   int
}

func (s *script) notef(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf("%v ", time.Since(s.begin))+fmt.Sprintf(format, args...))
}

func (s *script) Read(context.Context) (Reading, error) {
	s.reads++
	return Reading{Server: fmt.Sprint(s.reads)}, s.read(s.reads)
}

func (s *script) Changed(_ context.Context, prev Reading) (bool, error) {
	s.looks++
	return s.changed(s.looks)
}

func TestFollow(t *testing.T) {
	down := errors.New("down")
	tests := []struct {
		name    string
		read    func(int) error
		changed func(int) (bool, error)
		want    string
	}{
		{"changes", func(int) error { return nil }, func(n int) (bool, error) { return n%3 == 0, nil }, "0s got 1, 6s got 2, 12s got 3, 18s got 4"},
		{"refresh", func(int) error { return nil }, func(int) (bool, error) { return false, nil }, "0s got 1, 11s got 2"},
		{
			"down from the start",
			func(n int) error {
				if n < 5 {
					return down
				}
				return nil
			},
			func(int) (bool, error) { return false, nil }, "0s down, 1s down, 3s down, 7s down, 15s got 5",
		},
		{
			"down later", func(int) error { return nil },
			func(n int) (bool, error) {
				if n < 3 {
					return false, down
				}
				return true, nil
			},
			"0s got 1, 2s down, 5s down, 9s got 2, 11s got 3, 13s got 4, 15s got 5, 17s got 6, 19s got 7",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{begin: time.Now(), read: tt.read, changed: tt.changed}
				ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
				defer stop()
				f := follower{
					topology: s, options: FollowOptions{Poll: 2 * time.Second, Random: func() float64 { return 0 }}, refresh: 11 * time.Second, now: time.Now,
					deliver: func(r Reading) { s.notef("got %s", r.Server) }, failed: func(err error) { s.notef("%v", err) },
				}
				f.run(ctx)
				if got := strings.Join(s.log, ", "); got != tt.want {
					t.Errorf("log: %s\nwant %s", got, tt.want)
				}
				if took := time.Since(s.begin); took != 20*time.Second {
					t.Errorf("it ended after %v", took)
				}
			})
		})
	}
}

func TestBackoff(t *testing.T) {
	for before, want := range []time.Duration{1, 2, 4, 8, 15, 15, 15} {
		if got := backoff(before, 0); got != want*time.Second {
			t.Errorf("backoff(%d, 0) = %v, want %ds", before, got, want)
		}
		if got := backoff(before, 0.999999); got <= want*1999*time.Millisecond || got > 2*want*time.Second {
			t.Errorf("backoff(%d, 1) = %v, want nearly %ds", before, got, 2*want)
		}
	}
	if got := backoff(1<<40, 0.5); got < minBackoff || got > maxBackoff {
		t.Errorf("backoff(2^40) = %v", got)
	}
}
