package namespace

import (
	"strings"
	"time"
)

// Link is a folder of a namespace that has targets. It is a small value; two of
// one Snapshot are equal where they are the same link. Only IsZero may be called
// on the zero Link.
type Link struct {
	s     *Snapshot
	index uint32
}

// policy is what a link says about its referrals. Many links share one.
type policy struct {
	ttl        time.Duration
	state      State
	inSiteOnly bool
	failback   bool
	interlink  bool
	replicates string
	maxLag     time.Duration
}

// clone returns p without memory of the configuration.
func (p policy) clone() policy {
	p.replicates = strings.Clone(p.replicates)
	return p
}

// IsZero reports whether this is no link at all.
func (l Link) IsZero() bool { return l.s == nil }

// Node returns the folder that the link is.
func (l Link) Node() Node { return Node(l) }

// Path returns the path relative to the namespace, a\b\c.
func (l Link) Path() string { return l.Node().Path() }

// Comment returns what the configuration says about the link.
func (l Link) Comment() string { return l.Node().Comment() }

// TTL returns how long a client keeps a referral for the link, in whole seconds.
func (l Link) TTL() time.Duration { return l.policy().ttl }

// State returns whether the link is given out in referrals.
func (l Link) State() State { return l.policy().state }

// InSiteOnly reports whether targets in other sites than the client's are left
// out of this link's referrals. The root may say so for all links.
func (l Link) InSiteOnly() bool { return l.policy().inSiteOnly }

// Failback reports whether clients return to a better target of this link once
// it is back. The root may say so for all links.
func (l Link) Failback() bool { return l.policy().failback }

// Interlink reports whether the targets are folders of other namespaces.
func (l Link) Interlink() bool { return l.policy().interlink }

// Replicates returns the replicated folder, group/folder, that the targets
// share, or "".
func (l Link) Replicates() string { return l.policy().replicates }

// MaxLag returns how far a target may lag behind the others before it is
// demoted; 0 means that lag does not matter.
func (l Link) MaxLag() time.Duration { return l.policy().maxLag }

// NumTargets returns how many targets the link has, at least one.
func (l Link) NumTargets() int {
	return int(l.s.folders[l.index+1].target - l.s.folders[l.index].target)
}

// Target returns target i of NumTargets, in the order of the configuration. It
// panics where there is no such target.
func (l Link) Target(i int) Target {
	if uint(i) >= uint(l.NumTargets()) {
		panic("namespace: Target: no such target")
	}
	return Target{l.s, l.s.folders[l.index].target + uint32(i)}
}

func (l Link) policy() *policy { return &l.s.policies[l.s.folders[l.index].policy] }
