package smbauth

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestReplayCacheForgetsLate compares the cache with one that forgets nothing:
// within a lifetime both answer alike; after two, and a pause before each turn
// of the halves, nothing is left.
func TestReplayCacheForgetsLate(t *testing.T) {
	const skew, pause = time.Minute, 90 * time.Second
	rapid.Check(t, func(t *rapid.T) {
		c := newReplayCache(skew)
		seen := map[string]time.Time{}
		now := testNow
		for range rapid.IntRange(1, 60).Draw(t, "logons") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(pause)).Draw(t, "pause")))
			key := fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "authenticator"))
			got := c.add([]byte(key), now)
			age := now.Sub(seen[key])
			switch {
			case age <= 2*skew && got != Replayed:
				t.Fatalf("forgotten after %v", age)
			case age > 4*skew+2*pause && got != 0:
				t.Fatalf("kept for %v", age)
			case got == 0:
				seen[key] = now
			}
		}
	})
}

// TestFullReplayCache demands that a full cache refuses what is new, still
// knows what is old, and empties with time.
func TestFullReplayCache(t *testing.T) {
	c := newReplayCache(time.Minute)
	c.most = 4
	for i := range 4 {
		if got := c.add([]byte{byte(i)}, testNow.Add(time.Duration(i)*time.Minute)); got != 0 {
			t.Fatalf("authenticator %d: %v", i, got)
		}
	}
	at := testNow.Add(3 * time.Minute)
	for _, tt := range []struct {
		name string
		key  byte
		at   time.Time
		want Reason
	}{
		{name: "new", key: 9, at: at, want: ReplayCacheFull},
		{name: "known", key: 3, at: at, want: Replayed},
		{name: "new, half empty", key: 9, at: at.Add(3 * time.Minute)},
		{name: "clock turned back", key: 9, at: testNow, want: Replayed},
	} {
		if got := c.add([]byte{tt.key}, tt.at); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestOneOfManyReplays demands that of one authenticator sent at once by many
// just one gets in.
func TestOneOfManyReplays(t *testing.T) {
	f := newForgery(etypeAES128SHA1)
	a, token := kerberosAuthenticator(t, f, nil), f.token()
	var in atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, id, _ := a.Begin().Step(token, testNow); id != nil {
				in.Add(1)
			}
		})
	}
	wg.Wait()
	if in.Load() != 1 {
		t.Errorf("%d got in", in.Load())
	}
}
