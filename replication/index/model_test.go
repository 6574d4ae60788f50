package index

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// model is what an index is to hold, in maps.
type model struct {
	entries map[replication.FileID]reconcile.Entry
	facts   map[replication.FileID]Facts
	peers   map[string]Peer
	lists   map[string][]byte // by grain and hash
	meta    reconcile.Meta
}

func newModel() *model {
	return &model{
		entries: map[replication.FileID]reconcile.Entry{},
		facts:   map[replication.FileID]Facts{},
		peers:   map[string]Peer{},
		lists:   map[string][]byte{},
	}
}

func (m *model) clone() *model {
	return &model{maps.Clone(m.entries), maps.Clone(m.facts), maps.Clone(m.peers), maps.Clone(m.lists), m.meta}
}

func listName(g Grain, h replication.Hash) string { return fmt.Sprint(g, h) }

func byID(a, b reconcile.Entry) int { return compareIDs(a.ID, b.ID) }

func (m *model) where(is func(*reconcile.Entry) bool) (out []reconcile.Entry) {
	for _, e := range m.entries {
		if is(&e) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, byID)
	return out
}

func (m *model) children(dir replication.FileID) []reconcile.Entry {
	return m.where(func(e *reconcile.Entry) bool {
		k := &e.Known
		return e.Live() && e.At.Parent == dir || !k.Deleted && k.Parent == dir ||
			k.Displaced && k.Into == dir && dir != replication.RootID
	})
}

func (m *model) at(p reconcile.Place) []reconcile.Entry {
	return m.where(func(e *reconcile.Entry) bool { return e.Live() && e.At == p })
}

func (m *model) wanted() []reconcile.Entry {
	return m.where(func(e *reconcile.Entry) bool { return e.Wanted })
}

func (m *model) foreign() []reconcile.Entry {
	return m.where(func(e *reconcile.Entry) bool { return e.Foreign })
}

func (m *model) newer(v version.Vector) (out []replication.Record) {
	for _, e := range m.where(func(e *reconcile.Entry) bool { return e.OnRecord && !e.Foreign && !v.Covers(e.Disk.Stamp) }) {
		out = append(out, e.Disk)
	}
	slices.SortStableFunc(out, func(a, b replication.Record) int { return a.Stamp.Compare(b.Stamp) })
	return out
}

func (m *model) backlog(v version.Vector) (b Backlog) {
	for _, r := range m.newer(v) {
		if b.Files == 0 || r.Clock < b.Oldest {
			b.Oldest = r.Clock
		}
		b.Files++
		b.Bytes += r.Size
	}
	return b
}

func (m *model) bound(dev, inode uint64) (out []Facts) {
	for _, f := range m.facts {
		if f.Dev == dev && f.Inode == inode {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b Facts) int { return compareIDs(a.ID, b.ID) })
	return out
}

func (m *model) holders(h replication.Hash) (out []replication.FileID) {
	for _, e := range m.where(func(e *reconcile.Entry) bool {
		return e.Live() && e.Disk.Kind == replication.File && e.Disk.Hash == h
	}) {
		out = append(out, e.ID)
	}
	return out
}

func (m *model) totals() (n Totals) {
	for _, e := range m.where((*reconcile.Entry).Live) {
		switch e.Disk.Kind {
		case replication.Directory:
			n.Directories++
		case replication.Symlink:
			n.Links++
		default:
			n.Files++
			n.Bytes += e.Disk.Size
		}
	}
	return n
}

func (m *model) standing(is func(reconcile.Place) bool) (out []Standing) {
	for _, e := range m.where(func(e *reconcile.Entry) bool { return e.Live() && is(e.At) }) {
		s := Standing{Name: e.At.Name, Entry: e}
		s.Facts, s.HasFacts = m.facts[e.ID]
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b Standing) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// show prints what is compared, following pointers.
func show(values ...any) string {
	var all []string
	for _, v := range values {
		switch v := v.(type) {
		case []reconcile.Entry:
			for _, e := range v {
				all = append(all, show(e))
			}
		case []Standing:
			for _, s := range v {
				all = append(all, show(s.Name, s.Entry, s.Facts, s.HasFacts))
			}
		case reconcile.Entry:
			doing := v.Doing
			v.Doing = nil
			all = append(all, fmt.Sprintf("%+v", v))
			if doing != nil {
				all = append(all, fmt.Sprintf("doing %+v", *doing))
			}
		default:
			all = append(all, fmt.Sprintf("%+v", v))
		}
	}
	return fmt.Sprintf("%d%q", len(all), all)
}
