package smbprobe

import (
	"container/list"
	"context"
	"net/netip"
	"strings"
	"time"
)

const (
	maxKept  = 1024  // sessions of hosts that nobody probes
	maxHosts = 16384 // hosts that are remembered although nobody probes them
)

// host is what is remembered of a host.
type host struct {
	name string
	turn chan struct{} // holds one token while a probe is under way

	// Prober.mu guards these.
	users          int           // probes under way or waiting
	idleAt, keptAt *list.Element // in Prober.idle and Prober.kept
	idleSince      time.Time
	fault          string // what keeps the prober from looking deeper

	// These belong to who has the turn; while users is 0, to who has Prober.mu.
	last    netip.Addr // answered the last time
	session *session   // nil: none is kept
	refused refusal
}

// drop ends the session.
func (h *host) drop() {
	if h.session != nil {
		_ = h.session.conn.Close() // it is of no more use
		h.session = nil
	}
}

// acquire waits for the turn to probe a host.
func (p *Prober) acquire(ctx context.Context, name string) (*host, error) {
	key := strings.ToLower(name)
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	h := p.hosts[key]
	if h == nil {
		h = &host{name: name, turn: make(chan struct{}, 1)}
		p.hosts[key] = h
	}
	h.users++
	p.unlist(h)
	p.mu.Unlock()
	select {
	case h.turn <- struct{}{}:
		return h, nil
	case <-ctx.Done():
		p.leave(h)
		return nil, context.Cause(ctx)
	}
}

// release gives the turn back.
func (p *Prober) release(h *host) {
	<-h.turn
	p.leave(h)
}

// leave lists h as idle when its last user goes, and forgets what is too much.
func (p *Prober) leave(h *host) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.users--; h.users > 0 {
		return
	}
	if p.closed {
		h.drop()
	}
	h.idleSince = p.now()
	h.idleAt = p.idle.PushFront(h)
	if h.session != nil {
		h.keptAt = p.kept.PushFront(h)
		p.armSweeper()
	}
	for p.kept.Len() > maxKept {
		p.dropOldest()
	}
	for p.idle.Len() > maxHosts {
		oldest := p.idle.Back().Value.(*host)
		p.unlist(oldest)
		oldest.drop()
		delete(p.hosts, strings.ToLower(oldest.name))
	}
}

// unlist takes h out of the lists of idle hosts.
func (p *Prober) unlist(h *host) {
	if h.idleAt != nil {
		p.idle.Remove(h.idleAt)
		h.idleAt = nil
	}
	if h.keptAt != nil {
		p.kept.Remove(h.keptAt)
		h.keptAt = nil
	}
}

// dropOldest ends the kept session that was unused for longest.
func (p *Prober) dropOldest() {
	h := p.kept.Back().Value.(*host)
	p.kept.Remove(h.keptAt)
	h.keptAt = nil
	h.drop()
}

// armSweeper sees to it that kept sessions end in time.
func (p *Prober) armSweeper() {
	if p.sweeper != nil || p.kept.Len() == 0 {
		return
	}
	oldest := p.kept.Back().Value.(*host)
	p.sweeping.Add(1)
	p.sweeper = time.AfterFunc(max(p.o.MaxIdle-p.now().Sub(oldest.idleSince), 0), p.sweep)
}

// sweep ends the kept sessions that nobody has used for MaxIdle.
func (p *Prober) sweep() {
	defer p.sweeping.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.sweeper = nil
	for p.kept.Len() > 0 && p.now().Sub(p.kept.Back().Value.(*host).idleSince) >= p.o.MaxIdle {
		p.dropOldest()
	}
	p.armSweeper()
}
