package referral

import (
	"net/netip"
	"time"

	"dfsd/namespace"
	"dfsd/sites"
)

// Referral is the answer to a Request. Resolve fills it, and uses its slices
// again when it is given once more.
type Referral struct {
	// Path is what was asked for, with one leading backslash if it had any.
	Path string
	// Prefix is the part of Path that names the root or the link, in the
	// client's own spelling.
	Prefix string
	// Consumed is the length of Prefix in bytes of UTF-16 (PathConsumed).
	Consumed int
	// Root is the namespace, Link the link in it; zero where IsRoot.
	Root *namespace.Root
	Link namespace.Link
	// IsRoot says that the targets are those of the namespace itself.
	IsRoot bool
	// Interlink says that the targets are folders of other namespaces.
	Interlink bool
	// Failback lets the client return to a better target set once it is back.
	Failback bool
	// TTL is how long the client may keep the answer.
	TTL time.Duration
	// Client is where the client was taken to be.
	Client ClientPlace
	// Targets are the targets given out, best first.
	Targets []Place
	// Excluded are all other targets.
	Excluded []Exclusion

	view *View
}

// ClientPlace is where a client was taken to be.
type ClientPlace struct {
	Addr   netip.Addr
	Site   sites.ID     // sites.None: unknown
	Subnet netip.Prefix // the subnet that gave the site; invalid: none did
	By     SiteSource
}

// SiteSource says how a client's site was found.
type SiteSource uint8

// The ways to find a client's site, in the order tried.
const (
	ByNothing SiteSource = iota // the site is unknown
	ByName                      // the client named it
	BySubnet                    // the client's address is in a subnet
	ByServer                    // it comes from this server or its wire, and no subnet holds its address
	ByDefault                   // no subnet holds the client's address
)

// Place is a target and where it stands in a referral.
type Place struct {
	// Target is a link's target; zero for that of a root.
	Target namespace.Target
	// RootTarget is a root's target, \host\namespace; "" for that of a link.
	RootTarget string
	// Site is the target's site, sites.None where that is unknown.
	Site sites.ID
	// Cost is that of the route from the client's site to the target's;
	// sites.Unreachable where either is unknown or there is no route.
	Cost  uint32
	Class namespace.Class
	Rank  uint8
	State State
	// Reason is why the target stands among those of its Cost.
	Reason Reason
	// Boundary says that the target is the first of its target set.
	Boundary bool
	// Set counts target sets from 0.
	Set int

	key uint64
}

// AppendPath appends the target's UNC path, \\host\share\dir.
func (p Place) AppendPath(b []byte) []byte {
	if p.RootTarget != "" {
		b = append(b, '\\')
		return append(b, p.RootTarget...)
	}
	return p.Target.AppendPath(b)
}

// Path returns the target's UNC path, \\host\share\dir.
func (p Place) Path() string { return string(p.AppendPath(nil)) }

// Exclusion is a target that is not given out.
type Exclusion struct {
	Target namespace.Target
	Site   sites.ID
	Reason Reason
}

// AppendPath appends the target's UNC path, \\host\share\dir.
func (e Exclusion) AppendPath(b []byte) []byte { return e.Target.AppendPath(b) }

// Path returns the target's UNC path, \\host\share\dir.
func (e Exclusion) Path() string { return e.Target.Path() }

// View returns the picture that the referral was made from.
func (r *Referral) View() *View { return r.view }

// reset empties r for another answer, and keeps its slices.
func (r *Referral) reset(v *View) {
	*r = Referral{Targets: r.Targets[:0], Excluded: r.Excluded[:0], view: v}
}
