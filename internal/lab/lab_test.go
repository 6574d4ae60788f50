//go:build integration

package lab_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"dfsd/internal/lab"
)

// TestStation: a server sees the address that the test gave to the client.
func TestStation(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	for _, tt := range []struct {
		client string
		server netip.Addr
	}{
		{"10.99.77.5", l.Address()},
		{"10.99.78.6", l.Address()},
		{"fd99::77:5", l.AddressIn(netip.MustParsePrefix("fd99::ff:0/112"))},
	} {
		listener, err := net.Listen("tcp", netip.AddrPortFrom(tt.server, 0).String())
		if err != nil {
			t.Fatal(err)
		}
		seen := make(chan string, 1)
		go func() {
			defer listener.Close()
			conn, err := listener.Accept()
			if err != nil {
				seen <- err.Error()
				return
			}
			defer conn.Close()
			seen <- conn.RemoteAddr().(*net.TCPAddr).IP.String()
		}()
		host, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		out := l.Station(tt.client).Run("bash", "-c", `exec 3<>"/dev/tcp/$0/$1"`, host, port)
		if !out.OK() {
			t.Fatal(out)
		}
		if got := <-seen; got != tt.client {
			t.Errorf("the server at %s saw %s, want %s", tt.server, got, tt.client)
		}
	}
}

// TestStop: a stopped server refuses, and none of its processes is left.
func TestStop(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	samba := l.Samba(lab.SambaSetup{Shares: []lab.Share{{Name: "data"}}})
	if out := l.Station("10.99.1.5").Rpcclient(samba.Addr, lab.Alice, "srvinfo"); !out.OK() { // starts Samba's helpers
		t.Fatal(out)
	}
	samba.Stop()
	conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(samba.Addr, 445).String(), 5*time.Second)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial a stopped server = %v, %v, want a refusal", conn, err)
	}
}

// TestAlone: nothing outside can be reached, so no test can depend on it.
func TestAlone(t *testing.T) {
	t.Parallel()
	conn, err := net.DialTimeout("tcp", "192.0.2.1:445", 5*time.Second)
	if !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("dial an address outside = %v, %v, want no route", conn, err)
	}
	if _, err := net.LookupHost("deb.debian.org"); err == nil {
		t.Error("a name of the outer world resolves")
	}
}

// TestProcesses: what still runs is seen, so that a test that leaves it fails.
func TestProcesses(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Samba(lab.SambaSetup{})
	if running := strings.Join(lab.Processes(), "\n"); !strings.Contains(running, "(smbd)") {
		t.Errorf("running processes: %q, want smbd among them", running)
	}
}
