package resolve

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestFaultReadsTheSame: the text of a fault that lasts does not change, so that
// who tells new ones only is not led to tell it again and again.
func TestFaultReadsTheSame(t *testing.T) {
	nobody, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := nobody.LocalAddr().String()
	_ = nobody.Close()
	c := client(t, Options{Servers: []string{address}})
	_, first := c.Addresses(t.Context(), "fs1.corp.test.")
	for range 3 {
		if _, err := c.Addresses(t.Context(), "fs1.corp.test."); !errors.Is(err, ErrServers) || err.Error() != first.Error() {
			t.Errorf("Addresses() = %v\nand before %v", err, first)
		}
	}
}

// TestFaultKeepsItsOrder: also while one of the servers rests.
func TestFaultKeepsItsOrder(t *testing.T) {
	mute, faulty := serve(t, silence), serve(t, says(dns.RcodeServerFailure))
	c := client(t, Options{Timeout: 2 * time.Second, Tries: 1}, mute, faulty)
	_, first := c.Addresses(t.Context(), "fs1.corp.test.")
	for range 2 * silentAfter {
		if _, err := c.Addresses(t.Context(), "fs1.corp.test."); !errors.Is(err, ErrServers) || err.Error() != first.Error() {
			t.Errorf("Addresses() = %v\nand before %v", err, first)
		}
	}
	if able, silent := c.health.plan([]string{mute.address, faulty.address}, time.Now()); len(able) != 1 || len(silent) != 1 {
		t.Errorf("able %v, silent %v: none of them rested", able, silent)
	}
}

// TestTCPIsBlocked: the server answers, so the fault says what does not work.
func TestTCPIsBlocked(t *testing.T) {
	f := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		reply.Truncated = true
		send(w, reply)
	})
	blocked := errors.New("connection refused")
	c := client(t, Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if network == "tcp" {
			return nil, blocked
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}, f)
	if _, err := c.Addresses(t.Context(), "fs1.corp.test."); err == nil || !strings.Contains(err.Error(), "too long for UDP, and TCP fails: connection refused") {
		t.Errorf("Addresses() = %v", err)
	}
}

// TestNameWithoutRoom: a name that no question has room for is no server's
// fault.
func TestNameWithoutRoom(t *testing.T) {
	f := serve(t, zone(t, 0))
	logs, seen := observer.New(zap.WarnLevel)
	c := client(t, Options{Log: zap.New(logs)}, f)
	domain := strings.Repeat("abcdefghi.", 22) + "test"
	_, err := c.Controllers(t.Context(), domain, strings.Repeat("s", 63))
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("Controllers() = %v, want %v", err, ErrNotFound)
	}
	if asked := f.heard(); len(asked) != 1 || seen.Len() != 0 {
		t.Errorf("asked %v, logged %v, want the domain's question alone", asked, seen.All())
	}
}

// TestOddTableOfHosts: each address once, IPv4 first, and none that no host has.
func TestOddTableOfHosts(t *testing.T) {
	table := filepath.Join(t.TempDir(), "hosts")
	text := "2001:db8::5 fs1\n10.0.0.5 fs1 FS1\n10.0.0.5 fs1.\n::ffff:10.0.0.5 fs1\n0.0.0.0 hidden\n224.0.0.1 hidden\n:: hidden\n"
	if err := os.WriteFile(table, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{HostsFile: table, ResolvConf: filepath.Join(t.TempDir(), "none")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.listed("fs1"), addrs("10.0.0.5", "2001:db8::5"); !slices.Equal(got, want) {
		t.Errorf("listed(fs1) = %v, want %v", got, want)
	}
	if got := c.listed("hidden"); len(got) != 0 {
		t.Errorf("listed(hidden) = %v", got)
	}
}
