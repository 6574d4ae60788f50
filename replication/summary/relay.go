package summary

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
)

// warnEvery bounds how often the log hears of a peer that claims our name.
const warnEvery = time.Minute

// greet takes the hello of a peer, and the connection among those of its host.
func (x *Exchange) greet(c *conn, h hello) error {
	if _, err := h.common(); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if h.host == x.o.Host {
		x.warnOwnName(c, time.Now())
	}
	if h.host != c.host || h.host == x.o.Host {
		return fmt.Errorf("%w: %s instead of %s", ErrName, h.host, c.host)
	}
	if !x.known[c.host] {
		return ErrUnknown
	}
	n := x.neighbour(c.host)
	for _, old := range n.conns {
		if old.dialled == c.dialled { // its process has ended, or its connection
			old.stop(ErrReplaced)
		}
	}
	c.began = time.Now()
	n.conns = append(n.conns, c)
	x.metrics.links.Inc()
	x.signal()
	x.o.Log.Info("status connection began", zap.String("partner", c.host), zap.Bool("dialled", c.dialled), zap.String("software", h.software))
	return nil
}

// leave takes an ended connection away.
func (x *Exchange) leave(c *conn, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if c.began.IsZero() {
		return
	}
	n := x.neighbour(c.host)
	n.conns = slices.DeleteFunc(n.conns, func(other *conn) bool { return other == c })
	if len(n.conns) == 0 {
		n.ended, n.err = time.Now(), err
		n.rouse()
	}
	c.logEnd(err)
	x.metrics.links.Dec()
	if c.ready {
		x.force() // others may now speak for the host
	}
	x.signal()
}

// force makes all connections beat early. It runs with mu held.
func (x *Exchange) force() {
	for _, n := range x.peers {
		for _, c := range n.conns {
			c.forced = true
			c.poke()
		}
	}
}

// takeForced returns whether a beat is due before its time, once.
func (x *Exchange) takeForced(c *conn) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	forced := c.forced
	c.forced = false
	return forced
}

// connected tells whether a host speaks for itself here. It runs with mu held.
func (x *Exchange) connected(host string) bool {
	n := x.peers[host]
	return n != nil && slices.ContainsFunc(n.conns, func(c *conn) bool { return c.ready })
}

// trusts says why the word of c on a host is not taken; ignoreds: it is. It
// runs with mu held.
func (x *Exchange) trusts(c *conn, host string) ignored {
	switch {
	case host == x.o.Host:
		return ignoredOwnName
	case !x.known[host]:
		return ignoredUnknown
	case host == c.host:
		return ignoreds
	case x.members != nil && !x.members[c.host]:
		return ignoredNoMember
	case x.connected(host):
		return ignoredConnected
	}
	return ignoreds
}

// trustsUpdate is trusts for an update. Part of the numbers is kept for what
// hosts say themselves, so that nobody can use them all up for another.
func (x *Exchange) trustsUpdate(c *conn, u *update) ignored {
	why := x.trusts(c, u.host)
	if why == ignoreds && u.host != c.host && u.boot > maxRelayed {
		return ignoredBoot
	}
	return why
}

// beatFor says to the peer of c what is here, and what is wanted of it.
func (x *Exchange) beatFor(c *conn, now time.Time) beat {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := beat{got: c.got}
	add := func(host string) {
		s := standing{host: host, want: x.trusts(c, host) == ignoreds}
		if r := x.book.records[host]; r != nil && r.seq > 0 {
			s.stand, s.tick, s.age = r.stand, r.tick, now.Sub(r.heardAt)
		}
		if s.want || s.seq > 0 {
			m.standings = append(m.standings, s)
		}
	}
	for host := range x.known {
		if host != x.o.Host {
			add(host)
		}
	}
	add(x.o.Host)
	slices.SortFunc(m.standings, func(a, b standing) int { return strings.Compare(a.host, b.host) })
	m.standings = m.standings[:min(len(m.standings), maxHosts)]
	return m
}

// onBeat takes in what the peer of c has, and which hosts it heard of.
func (x *Exchange) onBeat(c *conn, m beat, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	whole := m.got == c.sent // nothing that was sent is still on its way
	theirs := make(map[string]have, len(m.standings))
	for _, s := range m.standings {
		if s.host == x.o.Host {
			x.defend(c, s.stand, now)
		} else if !x.known[s.host] {
			continue
		}
		h := have{s.stand, s.want}
		if old := c.theirs[s.host]; !whole && old.newer(h.stand) {
			h.stand = old.stand
		}
		theirs[s.host] = h
		if x.trusts(c, s.host) == ignoreds {
			x.book.hear(s, c.host, now)
		}
	}
	c.theirs = theirs
	if !c.ready {
		c.ready = true
		x.settle(c)
		x.force()
	}
	c.poke()
}

// defend keeps the own word the newest, whatever the peer of c holds of an
// earlier run of this host. It runs with mu held.
func (x *Exchange) defend(c *conn, heard stand, now time.Time) {
	if !x.book.raise(heard, now) {
		return
	}
	x.o.Log.Info("a later status of this host is known elsewhere; it is overruled", zap.String("partner", c.host))
	x.tell(nil)
}

// settle ends one of two connections with one host: that which the host with
// the greater name has dialled, by its dialler, now that the other one works.
// It runs with mu held.
func (x *Exchange) settle(c *conn) {
	for _, other := range x.peers[c.host].conns {
		if other == c || !other.ready || other.dialled == c.dialled {
			continue
		}
		if loser := either(c, other, x.o.Host > c.host); loser != nil {
			loser.stop(ErrReplaced)
		}
	}
}

// either returns the one of two connections that this host has dialled, if it
// is this host's that goes.
func either(a, b *conn, ours bool) *conn {
	switch {
	case !ours:
		return nil
	case a.dialled:
		return a
	}
	return b
}

// onUpdate takes in an update, or a part of one.
func (x *Exchange) onUpdate(c *conn, u *update, now time.Time) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	c.got++
	if u.more {
		return nil
	}
	why := x.trustsUpdate(c, u)
	if why == ignoreds {
		changed, err := x.book.apply(u, c.host, now)
		if err != nil {
			return err
		}
		if changed {
			x.holds(c, u)
			x.tell(c)
			return nil
		}
		why = ignoredOld
	}
	x.metrics.ignored[why].Inc()
	if why == ignoredOwnName {
		x.warnOwnName(c, now)
	}
	return nil
}

// holds notes that the peer of c has u. It runs with mu held.
func (x *Exchange) holds(c *conn, u *update) {
	if h, ok := c.theirs[u.host]; ok && u.newer(h.stand) {
		h.stand = u.stand
		c.theirs[u.host] = h
	}
}

// warnOwnName runs with mu held.
func (x *Exchange) warnOwnName(c *conn, now time.Time) {
	if !x.warned.IsZero() && now.Sub(x.warned) < warnEvery {
		return
	}
	x.warned = now
	x.o.Log.Warn("a host claims the name of this one; what it says of it is ignored", zap.String("partner", c.host))
}

// owed is an update that is to be sent.
type owed struct {
	update
	heardAt time.Time
}

// lackedBy returns what the peer of c wants and does not have.
func (x *Exchange) lackedBy(c *conn, now time.Time) (all []owed) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for host, h := range c.theirs {
		if r := x.book.records[host]; r != nil && h.want && r.seq > 0 && r.newer(h.stand) && now.Sub(r.heardAt) < Forget {
			all = append(all, owed{*r.changesSince(h.stand, now), r.heardAt})
		}
	}
	slices.SortFunc(all, func(a, b owed) int { return strings.Compare(a.host, b.host) })
	return all
}

// sending notes that u goes out on c.
func (x *Exchange) sending(c *conn, u *update) {
	x.mu.Lock()
	defer x.mu.Unlock()
	c.sent++
	if !u.more {
		x.holds(c, u)
	}
}
