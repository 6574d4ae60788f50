package peer

import (
	"fmt"
	"sync"

	"dfsd/replication"
	"dfsd/replication/wire"
)

// assembly joins lanes to sessions on the accepting side, and counts the
// sessions of each member. Safe for concurrent use.
type assembly struct {
	most int // sessions of one member

	mu       sync.Mutex // guards all below
	sessions map[sessionKey]*gathering
	perKey   map[replication.Fingerprint]int
}

// sessionKey names a session among those of all members: nobody can join that
// of another.
type sessionKey struct {
	member replication.Fingerprint
	nonce  wire.Nonce
}

// gathering is a session, from its first lane to its end.
type gathering struct {
	lanes [wire.Lanes]*connection
	have  int
	whole chan struct{} // closed when all lanes are there
}

func newAssembly(most int) *assembly {
	return &assembly{most: most, sessions: map[sessionKey]*gathering{}, perKey: map[replication.Fingerprint]int{}}
}

// join adds a lane. The one who completes a session runs it and releases it in
// the end; the others wait for whole. why is valid with an error alone.
func (a *assembly) join(k sessionKey, c *connection) (g *gathering, completes bool, why reason, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g = a.sessions[k]
	if g == nil {
		if a.perKey[k.member] >= a.most {
			return nil, false, refusedSessions, fmt.Errorf("%w: %d sessions", wire.ErrBusy, a.most)
		}
		g = &gathering{whole: make(chan struct{})}
		a.sessions[k] = g
		a.perKey[k.member]++
	}
	if g.lanes[c.join.Lane] != nil {
		return nil, false, refusedJoin, fmt.Errorf("%w: the %v lane is joined already", wire.ErrProtocol, c.join.Lane)
	}
	g.lanes[c.join.Lane] = c
	if g.have++; g.have == len(g.lanes) {
		close(g.whole)
		return g, true, 0, nil
	}
	return g, false, 0, nil
}

// abandon takes a session away whose lanes do not come, unless they just have,
// and returns whether it was taken. The lanes that are there are closed.
func (a *assembly) abandon(k sessionKey, g *gathering) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g.have == len(g.lanes) {
		return false
	}
	if a.sessions[k] == g {
		a.remove(k)
	}
	for _, c := range g.lanes {
		if c != nil {
			c.close()
		}
	}
	return true
}

// release forgets a session that has ended.
func (a *assembly) release(k sessionKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(k)
}

// remove runs with mu held.
func (a *assembly) remove(k sessionKey) {
	delete(a.sessions, k)
	if a.perKey[k.member]--; a.perKey[k.member] == 0 {
		delete(a.perKey, k.member)
	}
}
