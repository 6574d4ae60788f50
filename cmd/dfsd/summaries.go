package main

import (
	"context"
	"net"
	"slices"
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
	exchange *summary.Exchange
	known    []peer.Partner // who may ask, members and observers
	asked    []summary.Peer // members that this host connects with
	members  []string       // hosts of all members, whose word on others counts
}

// newSummaries makes those of this host; nil where the configuration lets it
// know nothing of replication.
func newSummaries(file *configs.File, identity *peer.Identity, registry prometheus.Registerer, log *zap.Logger) (*summaries, error) {
	s := &summaries{}
	if own := s.meet(file); !own {
		return nil, nil
	}
	dialer, err := peer.NewDialer(peer.Options{Identity: identity, Hello: func(peer.Partner) wire.Hello { return wire.Hello{} }, Log: log})
	if err != nil {
		return nil, err
	}
	s.exchange = summary.NewExchange(summary.Options{
		Host: file.Host, Software: software(), Metrics: registry, Log: log,
		Peers:   func() []summary.Peer { return s.asked },
		Known:   func() []string { return hostsOf(s.known) },
		Members: func() []string { return s.members },
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
func (s *summaries) meet(file *configs.File) (own bool) {
	c := file.Replication
	if c == nil {
		return false
	}
	curious := file.SMB != nil || !replicates(file)
	asked, known := map[replication.Fingerprint]bool{}, map[replication.Fingerprint]bool{}
	for _, g := range c.Groups {
		self, member := g.Member(file.Host)
		own = own || member
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
	return own
}

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
		Known: func() []peer.Partner { return s.known },
		Serve: func(ctx context.Context, p peer.Partner, c net.Conn) { s.exchange.Serve(ctx, p.Host, c) },
	}
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
