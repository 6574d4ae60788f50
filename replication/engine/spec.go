package engine

import (
	"path"
	"strings"
	"time"

	"dfsd/replication"
	"dfsd/replication/peer"
	"dfsd/replication/wire"
)

// spec is what a folder is opened with: where any of it differs, it is opened
// anew.
type spec struct {
	group, name string
	key         wire.FolderKey
	path        string
	settle      time.Duration
	staging     int64 // bytes
	preserved   int64 // bytes
	filters     replication.FilterConfig
}

// setting is what the configuration says of one folder on this host. All but its
// spec can change while the folder is open.
type setting struct {
	spec    spec
	primary bool
	canary  time.Duration // 0: none
	members []string
	ways    []way
}

// way is the connection with one partner. It does not change; where the partner is
// dialled may, and the roster knows best.
type way struct {
	partner peer.Partner
	sends   bool // the partner sends to this host
	takes   bool // this host sends to the partner
}

// sameAs tells whether w and v are one connection, wherever the partner is dialled.
func (w way) sameAs(v way) bool {
	w.partner.Address, v.partner.Address = "", ""
	return w == v
}

func (s *spec) String() string { return s.group + "/" + s.name }

// settingsOf returns the folders of host, and the partners that it has in them.
func settingsOf(c replication.Config, host string) []setting {
	var all []setting
	for _, g := range c.Groups {
		self, ok := g.Member(host)
		if !ok {
			continue
		}
		var members []string
		var ways []way
		for _, m := range g.Members {
			members = append(members, m.Host)
			w := way{peer.Partner{Host: m.Host, Address: m.Address, Key: m.Key}, g.Sends(m.Host, self.Host), g.Sends(self.Host, m.Host)}
			if w.sends || w.takes {
				ways = append(ways, w)
			}
		}
		for _, f := range g.Folders {
			where, _ := f.On(self.Host)
			all = append(all, setting{
				spec: spec{
					group: g.Name, name: f.Name, key: wire.KeyOf(g.Name, f.Name), path: where, settle: f.Settle,
					staging: int64(f.StagingQuota), preserved: int64(f.PreservedQuota), filters: f.Filters,
				},
				primary: replication.SameHost(f.Primary, host), canary: f.Canary, members: members, ways: ways,
			})
		}
	}
	return all
}

// skip tells whether a name stays where it is, by the folder's filters. They
// compare without case, as those of DFS Replication do.
func (s *spec) skip(name string, dir bool) bool {
	patterns := s.filters.Files
	if dir {
		patterns = s.filters.Folders
	}
	name = strings.ToLower(name)
	for _, p := range patterns {
		if ok, err := path.Match(strings.ToLower(p), name); err == nil && ok {
			return true
		}
	}
	return false
}
