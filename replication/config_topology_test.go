package replication

import (
	"reflect"
	"testing"
)

func TestSendsAndIslands(t *testing.T) {
	members := []MemberConfig{{Host: "a"}, {Host: "b"}, {Host: "c"}, {Host: "d"}}
	tests := []struct {
		name     string
		topology TopologyConfig
		sends    map[string]string // from each, to all of these
		islands  [][]string
	}{
		{"full mesh", TopologyConfig{}, map[string]string{"a": "bcd", "b": "acd", "c": "abd", "d": "abc"}, [][]string{{"a", "b", "c", "d"}}},
		{"one hub", TopologyConfig{Hubs: []string{"B."}}, map[string]string{"a": "b", "b": "acd", "c": "b", "d": "b"}, [][]string{{"a", "b", "c", "d"}}},
		{"one way", TopologyConfig{Connections: []ConnectionConfig{{"a", "b"}, {"b", "c"}, {"d", "b"}}}, map[string]string{"a": "b", "b": "c", "d": "b"}, [][]string{{"a", "b", "c", "d"}}},
		{"islands", TopologyConfig{Connections: []ConnectionConfig{{"a", "c"}, {"d", "b"}}}, map[string]string{"a": "c", "d": "b"}, [][]string{{"a", "c"}, {"b", "d"}}},
	}
	for _, tt := range tests {
		g := GroupConfig{Members: members, Topology: tt.topology}
		for _, from := range members {
			to := ""
			for _, m := range members {
				if g.Sends(from.Host, m.Host) {
					to += m.Host
				}
			}
			if to != tt.sends[from.Host] {
				t.Errorf("%s: %s sends to %q, want %q", tt.name, from.Host, to, tt.sends[from.Host])
			}
		}
		if got := g.Islands(); !reflect.DeepEqual(got, tt.islands) {
			t.Errorf("%s: islands %v, want %v", tt.name, got, tt.islands)
		}
	}
}
