package namespace

// Target is one place where the content of a link lives. It is a small value;
// two of one Snapshot are equal where they are the same target.
type Target struct {
	s     *Snapshot
	index uint32
}

// AppendPath appends the UNC path, \\host\share\dir, as the configuration
// spells it.
func (t Target) AppendPath(b []byte) []byte {
	b = append(b, `\\`...)
	b = append(b, t.Host()...)
	b = append(b, '\\')
	return append(b, t.s.slice(t.target().path, t.target().size)...)
}

// Path returns the UNC path, \\host\share\dir, as the configuration spells it.
func (t Target) Path() string { return string(t.AppendPath(nil)) }

// Host returns the host in the path.
func (t Target) Host() string { return t.s.hosts[t.place().host] }

// HostID returns the index of Host in Snapshot.Hosts.
func (t Target) HostID() HostID { return t.place().host }

// SiteName returns the site that the configuration gives, "" where it gives none.
func (t Target) SiteName() string { return t.s.sites[t.place().site] }

// SiteRef returns the index of SiteName in Snapshot.SiteNames.
func (t Target) SiteRef() SiteRef { return t.place().site }

// State returns whether the target is given out in referrals.
func (t Target) State() State {
	if t.target().order&offlineBit != 0 {
		return Offline
	}
	return Online
}

// Class returns the priority class.
func (t Target) Class() Class { return t.target().class }

// Rank returns the place within the class, 0 first, to 31.
func (t Target) Rank() uint8 { return t.target().order &^ offlineBit }

// Member returns the replication member behind the target: the one that the
// configuration names, or else Host.
func (t Target) Member() string {
	if member := t.s.members[t.place().member]; member != "" {
		return member
	}
	return t.Host()
}

// Index returns the number of the target in its Snapshot, from 0 to below
// Snapshot.NumTargets: the same target has another in another Snapshot.
func (t Target) Index() int { return int(t.index) }

func (t Target) target() *target { return &t.s.targets[t.index] }

func (t Target) place() place { return t.s.places[t.target().place] }
