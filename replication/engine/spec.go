package engine

import (
	"path"
	"strings"
	"time"

	"dfsd/replication"
	"dfsd/replication/wire"
)

// spec is what the configuration says of one folder on this host.
type spec struct {
	group, name string
	key         wire.FolderKey
	path        string
	primary     bool
	settle      time.Duration
	canary      time.Duration // 0: none
	staging     int64         // bytes
	preserved   int64         // bytes
	filters     replication.FilterConfig
	ways        []way
	members     []string
}

// way is the connection with one partner.
type way struct {
	partner replication.MemberConfig
	sends   bool // the partner sends to this host
	takes   bool // this host sends to the partner
}

func (s *spec) String() string { return s.group + "/" + s.name }

// specsOf returns the folders of host, and the partners that it has in them.
func specsOf(c replication.Config, host string) []spec {
	var all []spec
	for _, g := range c.Groups {
		self, ok := g.Member(host)
		if !ok {
			continue
		}
		var members []string
		var ways []way
		for _, m := range g.Members {
			members = append(members, m.Host)
			w := way{m, g.Sends(m.Host, self.Host), g.Sends(self.Host, m.Host)}
			if w.sends || w.takes {
				ways = append(ways, w)
			}
		}
		for _, f := range g.Folders {
			where, _ := f.On(self.Host)
			all = append(all, spec{
				group: g.Name, name: f.Name, key: wire.KeyOf(g.Name, f.Name), path: where,
				primary: replication.SameHost(f.Primary, host), settle: f.Settle, canary: f.Canary,
				staging: int64(f.StagingQuota), preserved: int64(f.PreservedQuota),
				filters: f.Filters, ways: ways, members: members,
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
