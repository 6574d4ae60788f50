package main

import (
	"crypto/sha256"
	"strings"
	"testing"

	"dfsd/configs"
	"dfsd/internal/smbd"
	"dfsd/replication"
)

// TestMeet: a member asks its partners alone, an observer all members, and
// everybody in the configuration may ask.
func TestMeet(t *testing.T) {
	member := func(host string) replication.MemberConfig {
		return replication.MemberConfig{Host: host, Address: host + ":5722", Key: sha256.Sum256([]byte(host))}
	}
	c := replication.Config{
		Groups: []replication.GroupConfig{
			{Name: "branches", Members: []replication.MemberConfig{member("hub"), member("b1"), member("b2")}, Topology: replication.TopologyConfig{Hubs: []string{"hub"}}},
			{Name: "other", Members: []replication.MemberConfig{member("x1"), member("x2")}},
		},
		Observers: []replication.ObserverConfig{{Host: "ns", Key: sha256.Sum256([]byte("ns"))}},
	}
	for _, tt := range []struct {
		host   string
		refers bool
		asked  string
		own    bool
	}{
		{"hub", false, "b1 b2", true},
		{"B1.", false, "hub", true},
		{"B1.", true, "hub x1 x2", true},
		{"x1", true, "hub b1 b2 x2", true},
		{"ns", true, "hub b1 b2 x1 x2", true},
		{"ns", false, "hub b1 b2 x1 x2", true},
		{"stranger", true, "hub b1 b2 x1 x2", false},
	} {
		s := &summaries{}
		file := &configs.File{Host: tt.host, Replication: &c}
		if tt.refers {
			file.SMB = &smbd.Config{}
		}
		own := s.meet(file)
		var asked []string
		for _, p := range s.asked {
			asked = append(asked, p.Host)
		}
		if got := strings.Join(asked, " "); got != tt.asked || own != tt.own {
			t.Errorf("%s asks %q, is in it: %v; want %q, %v", tt.host, got, own, tt.asked, tt.own)
		}
		if got := strings.Join(hostsOf(s.known), " "); got != "hub b1 b2 x1 x2 ns" {
			t.Errorf("%s is asked by %q", tt.host, got)
		}
		if got := strings.Join(s.members, " "); got != "b1 b2 hub x1 x2" {
			t.Errorf("%s takes the word of %q", tt.host, got)
		}
	}
}
