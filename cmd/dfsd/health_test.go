package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dfsd/referral"
	"dfsd/replication/peer"
)

// TestClientCounts: a client that sites.default gave a site has one.
func TestClientCounts(t *testing.T) {
	var c clientCounts
	for _, n := range []struct {
		client string
		by     referral.SiteSource
	}{
		{"10.1.0.1", referral.BySubnet},
		{"10.1.0.1", referral.ByName},
		{"127.0.0.1", referral.ByServer},
		{"127.0.0.1", referral.ByDefault},
		{"10.9.3.1", referral.ByDefault},
		{"10.9.3.2", referral.ByDefault},
		{"10.9.4.1", referral.ByDefault},
		{"10.8.0.1", referral.ByNothing},
	} {
		c.note(netip.MustParseAddr(n.client), n.by)
	}
	f := c.facts()
	if f.Referrals != 8 || f.WithoutSite != 1 || f.ByDefault != 4 {
		t.Errorf("%d referrals, %d without a site, %d by default; want 8, 1, 4", f.Referrals, f.WithoutSite, f.ByDefault)
	}
	if len(f.Sample) != 1 || f.Sample[0].Network != "10.8.0.0/24" {
		t.Errorf("without a site: %+v", f.Sample)
	}
	if len(f.DefaultSample) != 2 || f.DefaultSample[0].Network != "10.9.3.0/24" || f.DefaultSample[0].Count != 2 {
		t.Errorf("by default: %+v", f.DefaultSample)
	}
}

// TestHealthOfRoles: a daemon says where it listens, and whether it hears of
// replication.
func TestHealthOfRoles(t *testing.T) {
	const key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
	for _, tt := range []struct {
		name, host, observers string
		outsider              bool
		listening             []string
	}{
		{"neither", "ns1", "", true, []string{"127.0.0.1:0"}},
		{"observer", "ns1", "\n  observers: [{host: ns1, key: 'OWN'}]\n", false, []string{"127.0.0.1:0"}},
		{"member", "fs1", "", false, []string{"127.0.0.1:0", "127.0.0.1:1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			identity, err := peer.LoadOrCreateIdentity(filepath.Join(dir, "data"))
			if err != nil {
				t.Fatal(err)
			}
			own := identity.Fingerprint().String()
			text := "version: 1\nhost: " + tt.host + "\ndata_dir: " + dir + "/data\nadmin: {socket: " + dir + "/admin.sock}\n" +
				"smb: {listen: ['127.0.0.1:0'], users_file: " + dir + "/users.yaml}\nsites: {default: HQ, static: {sites: [HQ]}}\n" +
				"replication:\n  listen: 127.0.0.1:1\n  groups: [{name: g, members: [{host: fs1, address: 'fs1:1', key: 'OWN'}, {host: fs2, address: 'fs2:1', key: '" + key + "'}],\n" +
				"    topology: full-mesh, folders: [{name: p, path: " + dir + "/p, primary: fs1}]}]" + tt.observers
			if tt.host == "ns1" {
				text = strings.Replace(text, "OWN", "SHA256:4uLwoFMmRjPvl1LwMzlRrZx3lA3SOz4s5rmg4RGxTDA", 1) // of fs1
			}
			file := filepath.Join(dir, "dfsd.yaml")
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "OWN", own)), 0o600); err != nil {
				t.Fatal(err)
			}
			from := &fileFlags{file: file}
			s, err := readState(from)
			if err != nil {
				t.Fatal(err)
			}
			d, err := newDaemon(from, s, newLogger(s.config.Log, &lines{}))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.audit.Close() }) // of a folder that goes with the test
			if f := d.health(t.Context()); f.Listening != nil {
				t.Errorf("before it listens it does so at %q", f.Listening)
			}
			d.serving.Store(true)
			f := d.health(t.Context())
			if f.Outsider != tt.outsider || !slices.Equal(f.Listening, tt.listening) || f.Clients.DefaultSite != "HQ" {
				t.Errorf("outsider %v, listening at %q, default site %q; want %v, %q, HQ", f.Outsider, f.Listening, f.Clients.DefaultSite, tt.outsider, tt.listening)
			}
			if live := (liveFacts{f}); len(f.Members) == 0 != tt.outsider {
				t.Errorf("an outsider %v knows %d members", tt.outsider, len(f.Members))
			} else if at, err := live.Listening(t.Context()); err != nil || !slices.Equal(at, tt.listening) {
				t.Errorf("doctor is told of %q, %v", at, err)
			}
		})
	}
}
