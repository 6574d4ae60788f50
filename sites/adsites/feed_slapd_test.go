//go:build integration && linux

package adsites

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestFeedCatchesUp: what changed between the reading and the search that
// stands open is told first, by a server that remembers deletions and by one
// that has to list what is left.
func TestFeedCatchesUp(t *testing.T) {
	for name, overlay := range map[string]string{"lists what is left": tellsChanges, "remembers": tellsChanges + "\nsyncprov-sessionlog 100"} {
		t.Run(name, func(t *testing.T) {
			url, admin, add := estateOfSlapd(t, overlay)
			r := NewReader(Config{URLs: URLs{url}, TLS: TLSConfig{Mode: Off}, Mapping: validMapping()}, Options{})
			defer r.Close()
			d := mappedDirectory{*validMapping()}
			s, err := r.knock(t.Context(), newTarget(Server{Host: "127.0.0.1", Port: portOf(url)}, Off))
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			if err := r.introduce(t.Context(), s, nil); err != nil {
				t.Fatal(err)
			}
			position, err := d.position(t.Context(), s)
			if err != nil || position == "" {
				t.Fatalf("position %q, %v", position, err)
			}
			c, named, err := d.readAll(t.Context(), s, &budget{})
			if err != nil || !named {
				t.Fatalf("readAll() = %v, named %v", err, named)
			}
			add("ou=LA,ou=sites,dc=corp,dc=test", "objectClass", "organizationalUnit", "ou", "LA")
			change := ldap.NewModifyRequest("cn=hq-ny,ou=sites,dc=corp,dc=test", nil)
			change.Replace("description", []string{"7"})
			if err := errors.Join(admin.Modify(change), admin.Del(ldap.NewDelRequest("cn=n2,ou=sites,dc=corp,dc=test", nil))); err != nil {
				t.Fatal(err)
			}
			if s.feed, err = d.newFeed(t.Context(), s, c, position); err != nil {
				t.Fatal(err)
			}
			raw, changes, err := s.feed.snapshot(t.Context())
			if err != nil || changes == 0 {
				t.Fatalf("snapshot() = %d changes, %v", changes, err)
			}
			config, _, err := assemble(raw)
			const want = "HQ LA NY 0.0.0.0/0=NY 10.1.0.0/16=NY hq-ny(HQ+NY:7) all"
			if err != nil || text(config) != want {
				t.Errorf("%s, %v, want %s", text(config), err, want)
			}
		})
	}
}

// TestFollowSlapd: a change is delivered long before the next poll would see it,
// in all ways in which an object comes and goes.
func TestFollowSlapd(t *testing.T) {
	url, admin, add := estateOfSlapd(t, tellsChanges)
	c := Config{URLs: URLs{url}, TLS: TLSConfig{Mode: Off}, Mapping: validMapping()}
	c.SetDefaults()
	ctx, stop := context.WithCancel(t.Context())
	readings, ended := make(chan string), make(chan struct{})
	go func() {
		defer close(ended)
		Follow(ctx, NewReader(c, Options{}), FollowOptions{Poll: time.Hour}, func(r Reading) {
			select {
			case readings <- text(r.Config):
			case <-ctx.Done():
			}
		}, func(err error) { t.Error(err) })
	}()
	defer func() { stop(); <-ended }()
	await := func(want string) {
		t.Helper()
		deadline := time.After(time.Minute)
		for got := ""; got != want; {
			select {
			case got = <-readings:
			case <-deadline:
				t.Fatalf("last reading %s, want %s", got, want)
			}
		}
	}
	const subnets = " 0.0.0.0/0=NY 10.1.0.0/16=NY 2001:db8::/32=HQ"
	await("HQ NY" + subnets + " hq-ny(HQ+NY:42) all")
	add("ou=LA,ou=sites,dc=corp,dc=test", "objectClass", "organizationalUnit", "ou", "LA")
	add("cn=ny-la,ou=sites,dc=corp,dc=test", "objectClass", "groupOfNames", "cn", "ny-la",
		"member", "ou=LA,ou=sites,dc=corp,dc=test", "member", "ou=NY,ou=sites,dc=corp,dc=test", "description", "5")
	await("HQ LA NY" + subnets + " hq-ny(HQ+NY:42) ny-la(LA+NY:5) all")
	if err := admin.ModifyDN(ldap.NewModifyDNRequest("cn=hq-ny,ou=sites,dc=corp,dc=test", "cn=ny-hq", true, "")); err != nil {
		t.Fatal(err)
	}
	await("HQ LA NY" + subnets + " ny-hq(HQ+NY:42) ny-la(LA+NY:5) all")
	if err := admin.ModifyDN(ldap.NewModifyDNRequest("cn=n2,ou=sites,dc=corp,dc=test", "cn=n2", true, "dc=corp,dc=test")); err != nil {
		t.Fatal(err) // it leaves what is followed, and is not deleted
	}
	await("HQ LA NY 0.0.0.0/0=NY 10.1.0.0/16=NY ny-hq(HQ+NY:42) ny-la(LA+NY:5) all")
}

// shy is a directory whose servers do not keep what they offer.
type shy struct{ mappedDirectory }

func (d shy) read(ctx context.Context, s *session, b *budget) (rows, cursor, error) {
	if !s.polled {
		return rows{}, cursor{}, errNotFollowed
	}
	return d.mappedDirectory.read(ctx, s, b)
}

// TestNotFollowed: a server that does not let itself be followed is polled, and
// that is said once.
func TestNotFollowed(t *testing.T) {
	url, _, _ := estateOfSlapd(t, tellsChanges)
	logs, seen := observer.New(zap.InfoLevel)
	r := NewReader(Config{URLs: URLs{url}, TLS: TLSConfig{Mode: Off}, Mapping: validMapping()}, Options{Log: zap.New(logs)})
	defer r.Close()
	r.directory = shy{mappedDirectory{*validMapping()}}
	for range 2 {
		reading, err := r.Read(t.Context())
		if err != nil || len(reading.Config.Sites) != 2 || r.kept.feed != nil {
			t.Fatalf("Read() = %v, %v, followed %v", reading.Config.Sites, err, r.kept.feed != nil)
		}
		if changed, err := r.Changed(t.Context(), reading); changed || err != nil {
			t.Errorf("Changed() = %v, %v", changed, err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if seen.Len() != 1 || seen.All()[0].Level != zap.WarnLevel {
		t.Errorf("logged %v", seen.All())
	}
}

// TestRefreshReadsAnew: who reads though no change was told sees the server's
// own word, over a new connection.
func TestRefreshReadsAnew(t *testing.T) {
	url, _, _ := estateOfSlapd(t, tellsChanges)
	r := NewReader(Config{URLs: URLs{url}, TLS: TLSConfig{Mode: Off}, Mapping: validMapping()}, Options{})
	defer r.Close()
	first, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := r.kept
	second, err := r.Read(t.Context())
	if err != nil || text(first.Config) != text(second.Config) || r.kept == before || r.kept.feed == nil {
		t.Errorf("Read() = %s, %v, over the same connection: %v", text(second.Config), err, r.kept == before)
	}
	if changed, err := r.Changed(t.Context(), first); !changed || err != nil {
		t.Errorf("Changed() of what another connection gave = %v, %v", changed, err)
	}
	if changed, err := r.Changed(t.Context(), second); changed || err != nil {
		t.Errorf("Changed() = %v, %v", changed, err)
	}
}
