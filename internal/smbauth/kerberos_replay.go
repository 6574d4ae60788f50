package smbauth

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxReplays bounds the authenticators that are remembered: some 10 MB, and
// more than 200 logons each second within the default clock skew.
const maxReplays = 1 << 18

// replayCache remembers authenticators for as long as their time would let
// them in again, which is twice the clock skew. It forgets none before: when
// full it takes no more. Only authenticators that are good in all else come
// here, so that filling it needs a ticket for each. It is safe for concurrent
// use.
//
// Authenticators stand in two halves by the time they came. A half takes for
// one lifetime, is kept for another, and is then dropped as a whole.
type replayCache struct {
	lifetime time.Duration
	most     int

	mu    sync.Mutex // guards what follows
	since time.Time  // when young began to take
	young map[replayKey]struct{}
	old   map[replayKey]struct{}
}

// replayKey is half the SHA-256 of an authenticator's ciphertext. Nobody can
// change that and keep its meaning, since its checksum covers the confounder.
type replayKey [16]byte

func newReplayCache(skew time.Duration) *replayCache {
	return &replayCache{lifetime: 2 * skew, most: maxReplays, young: map[replayKey]struct{}{}}
}

// add remembers an authenticator, or returns why it must be refused: Replayed
// or ReplayCacheFull. Zero: it is new.
func (c *replayCache) add(ciphertext []byte, now time.Time) Reason {
	sum := sha256.Sum256(ciphertext)
	key := replayKey(sum[:])
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now)
	_, young := c.young[key]
	_, old := c.old[key]
	switch {
	case young || old:
		return Replayed
	case len(c.young)+len(c.old) >= c.most:
		return ReplayCacheFull
	}
	c.young[key] = struct{}{}
	return 0
}

// turn drops what has outlived its time. The caller holds mu.
func (c *replayCache) turn(now time.Time) {
	age := now.Sub(c.since)
	if age <= c.lifetime {
		return
	}
	c.old = c.young
	if age > 2*c.lifetime {
		c.old = nil
	}
	c.since, c.young = now, map[replayKey]struct{}{}
}
