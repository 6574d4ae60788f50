package main

import (
	"crypto/sha256"
	"io"
	"net"
	"strings"
	"testing"

	"dfsd/configs"
	"dfsd/internal/smbd"
	"dfsd/replication"
	"dfsd/replication/peer"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
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
		file := &configs.File{Host: tt.host, Replication: &c}
		if tt.refers {
			file.SMB = &smbd.Config{}
		}
		s, own := meet(file)
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

// TestFollow: who asks is served until a configuration has another key for it, or
// none.
func TestFollow(t *testing.T) {
	identity, err := peer.LoadOrCreateIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	key := func(text string) replication.Fingerprint { return sha256.Sum256([]byte(text)) }
	with := func(observers ...replication.ObserverConfig) *configs.File {
		return &configs.File{Host: "m", Replication: &replication.Config{
			Groups: []replication.GroupConfig{{
				Name: "g", Members: []replication.MemberConfig{{Host: "m", Address: "m:1", Key: identity.Fingerprint()}, {Host: "n", Address: "n:1", Key: key("n")}},
				Folders: []replication.FolderConfig{{Name: "f"}},
			}},
			Observers: observers,
		}}
	}
	one, two := replication.ObserverConfig{Host: "one", Key: key("1")}, replication.ObserverConfig{Host: "two", Key: key("2")}
	s, err := newSummaries(with(one, two), identity, prometheus.NewRegistry(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	ended := map[string]chan struct{}{}
	for _, o := range []replication.ObserverConfig{one, two} {
		here, there := net.Pipe()
		done := make(chan struct{})
		ended[o.Host] = done
		go func() { _, _ = io.Copy(io.Discard, there) }()
		go func() {
			defer close(done)
			s.serve(t.Context(), peer.Partner{Host: o.Host, Key: o.Key}, here)
		}()
	}
	two.Key = key("another")
	s.follow(with(one, two))
	<-ended["two"]
	select {
	case <-ended["one"]:
		t.Error("one that is known as before is served no longer")
	default:
	}
	if n := s.membersOf("g/f"); n != 2 {
		t.Errorf("%d members of the folder, want 2", n)
	}
	s.follow(with())
	<-ended["one"]
}

// TestReplicationLate: what of the section needs a restart.
func TestReplicationLate(t *testing.T) {
	file := func(listen string, hosts ...string) *configs.File {
		c := &replication.Config{Listen: listen, Groups: []replication.GroupConfig{{Name: "g"}}}
		for _, h := range hosts {
			c.Groups[0].Members = append(c.Groups[0].Members, replication.MemberConfig{Host: h})
		}
		return &configs.File{Host: "a", Replication: c}
	}
	observer := file(":1", "b")
	observer.Replication.Observers = []replication.ObserverConfig{{Host: "a"}}
	renamed := file(":1", "a", "b")
	renamed.Host = "b"
	for name, tt := range map[string]struct {
		old, next *configs.File
		want      string
	}{
		"nothing":                    {file(":1", "a"), file(":1", "a"), ""},
		"another member":             {file(":1", "a"), file(":1", "a", "b"), ""},
		"another address":            {file(":1", "a"), file(":2", "a"), "replication.listen"},
		"leaves":                     {file(":1", "a", "b"), file(":1", "b"), ""},
		"no section any more":        {file(":1", "a"), &configs.File{Host: "a"}, "replication.listen"},
		"no section at first":        {&configs.File{Host: "a"}, file(":1", "a"), "replication"},
		"a stranger joins":           {file(":1", "b"), file(":1", "a", "b"), "replication"},
		"a stranger observes":        {file(":1", "b"), observer, "replication"},
		"an observer joins":          {observer, file(":1", "a", "b"), "replication"},
		"an observer stays one":      {observer, observer, ""},
		"a stranger with an address": {file(":1", "b"), file(":2", "b"), ""},
		"another host":               {file(":1", "a", "b"), renamed, ""},
	} {
		if got := strings.Join(replicationLate(tt.old, tt.next), " "); got != tt.want {
			t.Errorf("%s: a restart is needed for %q, want %q", name, got, tt.want)
		}
	}
}
