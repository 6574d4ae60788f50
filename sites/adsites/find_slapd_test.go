//go:build integration && linux

package adsites

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// TestSlapdBehindDeadServers: each server that does not take connections costs a
// head start, and the one that lives is read, though it is named last.
func TestSlapdBehindDeadServers(t *testing.T) {
	url, _, _ := estateOfSlapd(t, tellsChanges)
	for _, dead := range []int{0, 1, 3, 9} {
		t.Run(fmt.Sprintf("%d of %d are dead", dead, dead+1), func(t *testing.T) {
			var urls URLs
			for range dead {
				urls = append(urls, "ldap://"+blackHole(t))
			}
			r := NewReader(Config{URLs: append(urls, url), TLS: TLSConfig{Mode: Off}, Mapping: validMapping()}, Options{})
			defer r.Close()
			began := time.Now()
			got, err := r.Read(t.Context())
			took, least := time.Since(began), time.Duration(dead)*headStart
			t.Logf("the first topology with %d of %d servers dead: after %v", dead, dead+1, took.Round(time.Millisecond))
			// On a busy machine, too, it takes less than to wait for each of the dead.
			if most := time.Duration(max(dead, 3)) * dialTimeout; err != nil || "ldap://"+got.Server != url || took < least || took >= most {
				t.Errorf("Read() = of %s, %v, after %v, want it after %v", got.Server, err, took, least)
			}
			_ = r.Close()
			began = time.Now()
			got, err = r.Read(t.Context())
			t.Logf("and after a loss: after %v", time.Since(began).Round(time.Millisecond))
			if took := time.Since(began); err != nil || took >= dialTimeout {
				t.Errorf("Read() again = of %s, %v, after %v", got.Server, err, took)
			}
		})
	}
}

// TestFrozenSlapd: a server that takes connections and says nothing costs a head
// start, and is read again once it goes on.
func TestFrozenSlapd(t *testing.T) {
	first, admin, process := startSlapd(t, tellsChanges)
	_ = fillSlapd(t, admin)
	second, _, add := estateOfSlapd(t, tellsChanges)
	add("ou=LA,ou=sites,dc=corp,dc=test", "objectClass", "organizationalUnit", "ou", "LA")
	now := time.Now()
	r := NewReader(Config{URLs: URLs{first, second}, TLS: TLSConfig{Mode: Off}, Mapping: validMapping()}, Options{Now: func() time.Time { return now }})
	defer r.Close()
	read := func(want string, head time.Duration) {
		t.Helper()
		r.headStart = head
		began := time.Now()
		got, err := r.Read(t.Context())
		if took := time.Since(began); err != nil || "ldap://"+got.Server != want || took > dialTimeout {
			t.Fatalf("Read() = of %s, %v, after %v, want of %s", got.Server, err, took, want)
		}
		t.Logf("%d sites after %v", len(got.Config.Sites), time.Since(began).Round(time.Millisecond))
	}
	read(first, time.Minute) // who is alive has no rival, however busy the machine is
	_ = r.Close()
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = process.Signal(syscall.SIGCONT) }() // it is ended with the test
	read(second, headStart)
	if err := process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	now = now.Add(demoted)
	read(first, time.Minute)
}
