package namespace

import (
	"errors"
	"iter"
	"strings"
	"time"
)

// The errors of Root.Walk.
var (
	// ErrNotFound means that the last component of a path names nothing.
	ErrNotFound = errors.New("no such folder in the namespace")
	// ErrPathNotFound means that an earlier component names nothing.
	ErrPathNotFound = errors.New("no such path in the namespace")
	// ErrCovered means that a path is a link or lies below one.
	ErrCovered = errors.New("path is covered by a link")
)

// Root is one namespace of a Snapshot.
type Root struct {
	top        Node
	kind       Type
	comment    string
	ttl        time.Duration
	degraded   time.Duration
	probe      *ProbeConfig
	ordering   Ordering
	inSiteOnly bool
	failback   bool
	state      State
	links      int
}

// newRoot returns the namespace of cfg whose top is a folder that stands.
func newRoot(cfg *Config, top Node) *Root {
	return &Root{
		top:        top,
		kind:       cfg.Type,
		comment:    strings.Clone(cfg.Comment),
		ttl:        cfg.TTL,
		degraded:   cfg.DegradedTTL,
		probe:      cfg.Probe.clone(),
		ordering:   cfg.Ordering,
		inSiteOnly: cfg.InSiteOnly,
		failback:   cfg.Failback,
		state:      cfg.State,
	}
}

// Name returns the name of the share that clients open.
func (r *Root) Name() string { return r.top.Name() }

// ID returns a number that is never 0 and belongs to the name of the namespace,
// in any case: it stays across reloads and restarts.
func (r *Root) ID() uint64 { return r.top.ID() }

// Type returns where the namespace lives.
func (r *Root) Type() Type { return r.kind }

// Comment returns what is shown to those who browse the server.
func (r *Root) Comment() string { return r.comment }

// TTL returns how long a client keeps a root referral, in whole seconds.
func (r *Root) TTL() time.Duration { return r.ttl }

// DegradedTTL returns the most that a client keeps a referral for a link whose
// targets are not all well; 0: as long as any other.
func (r *Root) DegradedTTL() time.Duration { return r.degraded }

// Probe returns how the health of targets is probed, false where it is not.
func (r *Root) Probe() (ProbeConfig, bool) {
	if r.probe == nil {
		return ProbeConfig{}, false
	}
	return *r.probe, true
}

// Ordering returns the order among targets of equal priority.
func (r *Root) Ordering() Ordering { return r.ordering }

// InSiteOnly reports whether targets in other sites than the client's are left out.
func (r *Root) InSiteOnly() bool { return r.inSiteOnly }

// Failback reports whether clients return to a better target once it is back.
func (r *Root) Failback() bool { return r.failback }

// State returns whether the namespace is given out in referrals.
func (r *Root) State() State { return r.state }

// NumLinks returns how many links the namespace has.
func (r *Root) NumLinks() int { return r.links }

// Top returns the folder that all others lie in. Its name is that of the
// namespace, its path is empty.
func (r *Root) Top() Node { return r.top }

// Links returns all links, sorted by their folded paths.
func (r *Root) Links() iter.Seq[Link] {
	return func(yield func(Link) bool) { r.top.eachLink(yield) }
}

// Walk returns the folder at path, a\b\c relative to the namespace; the empty
// path is Top. It fails with ErrNotFound or ErrPathNotFound, or with ErrCovered
// and the folder of the link that path is or lies below. It allocates nothing.
func (r *Root) Walk(path string) (Node, error) {
	n := r.top
	for at := 0; path != "" && at <= len(path); {
		end := componentEnd(path, at)
		found := n.s.find(n.index, path[at:end])
		switch {
		case found.node == 0 && end < len(path):
			return Node{}, ErrPathNotFound
		case found.node == 0:
			return Node{}, ErrNotFound
		case found.isLink:
			return Node{n.s, found.node}, ErrCovered
		}
		n.index, at = found.node, end+1
	}
	return n, nil
}
