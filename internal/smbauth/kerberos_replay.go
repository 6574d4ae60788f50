package smbauth

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxReplays bounds the authenticators that are remembered: some 10 MB, and
// more than 200 logons each second within the default clock skew.
const maxReplays = 1 << 18

// maxShare bounds those of one client: with one ticket he can make as many as he
// likes, and must not be able to shut the others out.
const maxShare = maxReplays / 16

// replayCache remembers authenticators for as long as their time would let
// them in again, which is twice the clock skew. It forgets none before: when
// full it takes no more. Only authenticators that are good in all else come
// here, so that filling it needs tickets of many clients. It is safe for
// concurrent use.
//
// Authenticators stand in two halves by the time they came. A half takes for
// one lifetime, is kept for another, and is then dropped as a whole.
type replayCache struct {
	lifetime time.Duration
	most     int
	share    int // of one client

	mu    sync.Mutex // guards what follows
	since time.Time  // when young began to take
	young map[replayKey]struct{}
	old   map[replayKey]struct{}
	// By client, how many authenticators of his are in each half.
	youngOf, oldOf map[replayKey]int
}

// replayKey is half the SHA-256 of an authenticator's ciphertext, or of a
// client's name. Nobody can change that ciphertext and keep its meaning, since
// its checksum covers the confounder.
type replayKey [16]byte

func newReplayKey(b []byte) replayKey {
	sum := sha256.Sum256(b)
	return replayKey(sum[:])
}

func newReplayCache(skew time.Duration) *replayCache {
	return &replayCache{
		lifetime: 2 * skew, most: maxReplays, share: maxShare,
		young: map[replayKey]struct{}{}, youngOf: map[replayKey]int{},
	}
}

// crowds reports whether a client has his share of the room already. It is asked
// before add, and count told after it: what add refuses counts for nobody, or
// who replays a client's authenticators could use up his share.
func (c *replayCache) crowds(client principal, now time.Time) bool {
	key := newReplayKey([]byte(client.String()))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now)
	return c.youngOf[key]+c.oldOf[key] >= c.share
}

// count notes that an authenticator of a client was added.
func (c *replayCache) count(client principal) {
	key := newReplayKey([]byte(client.String()))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.youngOf[key]++
}

// add remembers an authenticator, or returns why it must be refused: Replayed
// or ReplayCacheFull. Zero: it is new.
func (c *replayCache) add(ciphertext []byte, now time.Time) Reason {
	key := newReplayKey(ciphertext)
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
	c.old, c.oldOf = c.young, c.youngOf
	if age > 2*c.lifetime {
		c.old, c.oldOf = nil, nil
	}
	c.since, c.young, c.youngOf = now, map[replayKey]struct{}{}, map[replayKey]int{}
}
