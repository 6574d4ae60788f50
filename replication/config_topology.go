package replication

import (
	"fmt"
	"slices"

	"dfsd/internal/fault"
)

// TopologyConfig says which members are connected. The zero value is a full
// mesh: every member with every other. At most one of the fields is set.
//
// A file writes `full-mesh`, or a mapping with `hubs` or `connections`.
type TopologyConfig struct {
	// Hubs are connected with each other and with every member; the others
	// with the hubs only.
	Hubs []string `yaml:"hubs"`
	// Connections are named one by one, and are one way.
	Connections []ConnectionConfig `yaml:"connections"`
}

// ConnectionConfig is one way from a sending to a receiving member.
type ConnectionConfig struct {
	From string `yaml:"from"`
	To   string `yaml:"to"`
}

// Sends tells whether g's topology has member from send its changes to member
// to. Either may be spelt in any way that names the host.
func (g GroupConfig) Sends(from, to string) bool {
	a, b := FoldHost(from), FoldHost(to)
	if a == b {
		return false
	}
	switch t := g.Topology; {
	case t.Hubs != nil:
		return slices.ContainsFunc(t.Hubs, func(hub string) bool { h := FoldHost(hub); return h == a || h == b })
	case t.Connections != nil:
		return slices.ContainsFunc(t.Connections, func(c ConnectionConfig) bool { return FoldHost(c.From) == a && FoldHost(c.To) == b })
	}
	return true
}

// Islands returns the members of g by the islands of its topology, between
// which nothing travels in either direction. One island is what an
// administrator wants.
func (g GroupConfig) Islands() [][]string {
	var islands [][]string
	done := map[string]bool{}
	for _, first := range g.Members {
		if done[first.Host] {
			continue
		}
		done[first.Host] = true
		island := []string{first.Host}
		for i := 0; i < len(island); i++ {
			for _, m := range g.Members {
				if !done[m.Host] && (g.Sends(island[i], m.Host) || g.Sends(m.Host, island[i])) {
					done[m.Host] = true
					island = append(island, m.Host)
				}
			}
		}
		islands = append(islands, island)
	}
	return islands
}

const fullMesh = "full-mesh"

// IsFullMesh tells whether every member is connected with every other.
func (t TopologyConfig) IsFullMesh() bool { return t.Hubs == nil && t.Connections == nil }

// MarshalText writes the short form; it is empty for what only a mapping can
// say.
func (t TopologyConfig) MarshalText() ([]byte, error) {
	if t.IsFullMesh() {
		return []byte(fullMesh), nil
	}
	return nil, nil
}

// UnmarshalText reads the short form.
func (t *TopologyConfig) UnmarshalText(text []byte) error {
	if string(text) != fullMesh {
		return fmt.Errorf("%q is no topology: want full-mesh, or a mapping with hubs or connections", text)
	}
	*t = TopologyConfig{}
	return nil
}

func (t TopologyConfig) validate(g GroupConfig) fault.List {
	switch {
	case t.IsFullMesh():
		return nil
	case t.Hubs != nil && t.Connections != nil:
		var faults fault.List
		faults.Addf("", "both hubs and connections; want one of them")
		return faults
	case t.Hubs != nil:
		return t.validateHubs(g)
	}
	return t.validateConnections(g)
}

func (t TopologyConfig) validateHubs(g GroupConfig) fault.List {
	var faults fault.List
	if len(t.Hubs) == 0 {
		faults.Addf("hubs", "no hub; write `topology: full-mesh` to connect all members")
	}
	hubs := seen{}
	for i, hub := range t.Hubs {
		at := fmt.Sprintf("hubs[%d]", i)
		faults.Nest(at, g.checkMember(hub))
		hubs.once(&faults, at, FoldHost(hub), "%q is a hub already", hub)
	}
	return faults
}

func (t TopologyConfig) validateConnections(g GroupConfig) fault.List {
	var faults fault.List
	ways, connected := seen{}, map[string]bool{}
	for i, c := range t.Connections {
		at := fmt.Sprintf("connections[%d]", i)
		faults.Nest(at+".from", g.checkMember(c.From))
		faults.Nest(at+".to", g.checkMember(c.To))
		from, to := FoldHost(c.From), FoldHost(c.To)
		connected[from], connected[to] = true, true
		switch {
		case from == "" || to == "":
		case from == to:
			faults.Addf(at, "%q would send to itself", c.From)
		default:
			ways.once(&faults, at, from+" "+to, "%q sends to %q already", c.From, c.To)
		}
	}
	for _, m := range g.Members {
		if m.Host != "" && !connected[FoldHost(m.Host)] {
			faults.Addf("connections", "no connection with member %q", m.Host)
		}
	}
	return faults
}

// checkMember returns a fault where host is not a member of g.
func (g GroupConfig) checkMember(host string) fault.List {
	var faults fault.List
	if host == "" {
		faults.Addf("", "no host name; want a member of this group")
	} else if _, ok := g.Member(host); !ok {
		faults.Addf("", "%q is no member of this group", host)
	}
	return faults
}
