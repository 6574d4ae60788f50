package main

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"dfsd/configs"
	"dfsd/replication"
	"dfsd/replication/engine"
	"dfsd/replication/peer"
	"dfsd/replication/status"
	"dfsd/replication/summary"
	"dfsd/replication/wire"
)

// summaries are what hosts tell each other of their replication: this host as a
// member, or as an observer that only asks.
type summaries struct {
	exchange   *summary.Exchange
	acquainted atomic.Pointer[acquaintances]

	mu     sync.Mutex
	guests map[*guest]bool // whose connections this host serves
}

// acquaintances are who is in one configuration. They do not change.
type acquaintances struct {
	known   []peer.Partner // who may ask, members and observers
	asked   []summary.Peer // members that this host connects with
	members []string       // hosts of all members, whose word on others counts
	folders map[string]int // group/folder: how many members it has
}

// guest is one connection of a host that asks this one.
type guest struct {
	key  replication.Fingerprint
	stop context.CancelFunc
}

// newSummaries makes those of this host; nil where the configuration lets it
// know nothing of replication.
func newSummaries(file *configs.File, identity *peer.Identity, registry prometheus.Registerer, log *zap.Logger) (*summaries, error) {
	first, own := meet(file)
	if !own {
		return nil, nil
	}
	s := &summaries{guests: map[*guest]bool{}}
	s.acquainted.Store(first)
	dialer, err := peer.NewDialer(peer.Options{Identity: identity, Hello: func(peer.Partner) wire.Hello { return wire.Hello{} }, Log: log})
	if err != nil {
		return nil, err
	}
	s.exchange = summary.NewExchange(summary.Options{
		Host: file.Host, Software: software(), Metrics: registry, Log: log,
		Peers:   func() []summary.Peer { return s.acquainted.Load().asked },
		Known:   func() []string { return hostsOf(s.acquainted.Load().known) },
		Members: func() []string { return s.acquainted.Load().members },
		Dial: func(ctx context.Context, p summary.Peer) (net.Conn, error) {
			return dialer.DialStatus(ctx, peer.Partner{Host: p.Host, Address: p.Address, Key: p.Key})
		},
	})
	return s, nil
}

// meet collects who is in the configuration, and tells whether this host is. A
// member asks its partners alone, which pass on what they hear: others it need
// not even reach. A host that refers clients, or only observes, asks all members
// of the groups that it is no member of.
func meet(file *configs.File) (s *acquaintances, own bool) {
	s = &acquaintances{folders: map[string]int{}}
	c := file.Replication
	if c == nil {
		return s, false
	}
	curious := file.SMB != nil || !replicates(file)
	asked, known := map[replication.Fingerprint]bool{}, map[replication.Fingerprint]bool{}
	for _, g := range c.Groups {
		self, member := g.Member(file.Host)
		own = own || member
		for _, f := range g.Folders {
			s.folders[g.Name+"/"+f.Name] = len(g.Members)
		}
		for _, m := range g.Members {
			s.members = append(s.members, m.Host)
			if !known[m.Key] {
				known[m.Key] = true
				s.known = append(s.known, peer.Partner{Host: m.Host, Address: m.Address, Key: m.Key})
			}
			partner := g.Sends(m.Host, self.Host) || g.Sends(self.Host, m.Host)
			if !member {
				partner = curious
			}
			if partner && !asked[m.Key] && !replication.SameHost(m.Host, file.Host) {
				asked[m.Key] = true
				s.asked = append(s.asked, summary.Peer{Host: m.Host, Address: m.Address, Key: m.Key})
			}
		}
	}
	slices.Sort(s.members)
	s.members = slices.Compact(s.members)
	for _, o := range c.Observers {
		own = own || replication.SameHost(o.Host, file.Host)
		if !known[o.Key] {
			known[o.Key] = true
			s.known = append(s.known, peer.Partner{Host: o.Host, Key: o.Key})
		}
	}
	return s, own
}

// follow has another configuration count. Who is not in it any more, or there with
// another key, is heard no longer.
func (s *summaries) follow(file *configs.File) {
	next, _ := meet(file)
	s.acquainted.Store(next)
	s.mu.Lock()
	defer s.mu.Unlock()
	for g := range s.guests {
		if !next.knows(g.key) {
			g.stop()
		}
	}
}

func (a *acquaintances) knows(key replication.Fingerprint) bool {
	return slices.ContainsFunc(a.known, func(p peer.Partner) bool { return p.Key == key })
}

// membersOf counts the members of a replicated folder, group/folder.
func (s *summaries) membersOf(folder string) int { return s.acquainted.Load().folders[folder] }

func hostsOf(partners []peer.Partner) []string {
	names := make([]string, len(partners))
	for i, p := range partners {
		names[i] = p.Host
	}
	return names
}

// service answers those that ask this host; nil where nobody may.
func (s *summaries) service() *peer.StatusService {
	if s == nil {
		return nil
	}
	return &peer.StatusService{
		Known: func() []peer.Partner { return s.acquainted.Load().known },
		Serve: s.serve,
	}
}

// serve answers one that asks for as long as it may.
func (s *summaries) serve(ctx context.Context, p peer.Partner, c net.Conn) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g := &guest{p.Key, stop}
	s.mu.Lock()
	s.guests[g] = true
	s.mu.Unlock()
	if !s.acquainted.Load().knows(p.Key) { // since it was let in
		stop()
	}
	s.exchange.Serve(ctx, p.Host, c)
	s.mu.Lock()
	delete(s.guests, g)
	s.mu.Unlock()
}

// How often this host says how its own replication is: at least so often, and
// so that asking takes at most one part in tellShare of the time.
const (
	tellEvery = 250 * time.Millisecond
	tellShare = 20
)

// tell publishes how the replication of this host is, and what was decided here
// about targets, until ctx ends. e is nil on a host that only observes.
func (s *summaries) tell(ctx context.Context, e *engine.Engine, notes func() []byte) {
	for ctx.Err() == nil {
		began := time.Now()
		if e == nil {
			s.exchange.Publish(nil, notes())
		} else if st, err := e.Status(ctx); err == nil {
			opening := func(f status.Folder) bool { return f.Opening } // there is nothing to tell of it yet
			s.exchange.Publish(slices.DeleteFunc(st.Folders, opening), notes())
		}
		t := time.NewTimer(max(tellEvery, tellShare*time.Since(began)))
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
}
