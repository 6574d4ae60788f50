package admin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestHosts: a page of another site that resolves its own name to us (DNS
// rebinding) sends that name.
func TestHosts(t *testing.T) {
	h := Protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ProtectOptions{Token: "t", Hosts: []string{"FS1.corp.example.com", "fs1", "bücher.example"}})
	for host, want := range map[string]int{
		"127.0.0.1:8420": http.StatusOK, "127.0.0.1": http.StatusOK, "[::1]:8420": http.StatusOK, "[::1]": http.StatusOK, "10.1.2.3:80": http.StatusOK,
		"[fe80::1%25eth0]:8420": http.StatusOK, "localhost:8420": http.StatusOK, "LocalHost.": http.StatusOK, "": http.StatusOK,
		"fs1.corp.example.com:8420": http.StatusOK, "FS1": http.StatusOK, "fs1.corp.example.com.": http.StatusOK,
		"evil.example:8420": http.StatusForbidden, "fs1.evil.example": http.StatusForbidden, "localhost.evil.example": http.StatusForbidden,
		"127.0.0.1.evil.example": http.StatusForbidden, "evil.example": http.StatusForbidden, ":8420": http.StatusForbidden,
		"1.2.3": http.StatusForbidden, "0x7f000001": http.StatusForbidden, "[evil]": http.StatusForbidden, "[": http.StatusForbidden,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, "/v1/sites", nil)
			r.Host = host
			r.Header.Set("Authorization", "Bearer t")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s for host %q = %d %s, want %d", method, host, w.Code, w.Body, want)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", w.Header())
			}
		}
	}
}

// guesser sends requests from an address with a token, at a time of its own.
type guesser struct {
	h   http.Handler
	now time.Time
}

func newGuesser() *guesser {
	g := &guesser{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	g.h = Protect(ok, ProtectOptions{Token: "s3cret", Hosts: []string{"example.com"}, Now: func() time.Time { return g.now }})
	return g
}

func (g *guesser) send(method, from, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	r.RemoteAddr = from
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	g.h.ServeHTTP(w, r)
	return w
}

// TestWrongTokens slow an address down, and no other; while it waits, the right
// token is not looked at either.
func TestWrongTokens(t *testing.T) {
	const attacker, admin = "192.0.2.66:1000", "192.0.2.1:1000"
	g := newGuesser()
	for i := range wrongTokens {
		if w := g.send("POST", attacker, fmt.Sprint(i)); w.Code != http.StatusForbidden {
			t.Fatalf("wrong token %d = %d", i, w.Code)
		}
	}
	w := g.send("POST", "192.0.2.66:2000", "s3cret")
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "6" || !strings.Contains(w.Body.String(), "urn:dfsd:too-many-attempts") {
		t.Errorf("the right token after %d wrong ones = %d %v %s", wrongTokens, w.Code, w.Header(), w.Body)
	}
	if w := g.send("GET", attacker, "x"); w.Code != http.StatusOK {
		t.Errorf("reading meanwhile = %d", w.Code)
	}
	if w := g.send("POST", admin, "s3cret"); w.Code != http.StatusOK {
		t.Errorf("another address = %d", w.Code)
	}
	g.now = g.now.Add(wrongEvery - time.Millisecond)
	if w := g.send("POST", attacker, "s3cret"); w.Code != http.StatusTooManyRequests {
		t.Errorf("a moment too early = %d", w.Code)
	}
	g.now = g.now.Add(time.Millisecond)
	if w := g.send("POST", attacker, "x"); w.Code != http.StatusForbidden {
		t.Errorf("one more wrong token = %d", w.Code)
	}
	if w := g.send("POST", attacker, "x"); w.Code != http.StatusTooManyRequests {
		t.Errorf("two more wrong tokens = %d", w.Code)
	}
	g.now = g.now.Add(wrongEvery)
	if w := g.send("POST", attacker, "s3cret"); w.Code != http.StatusOK {
		t.Errorf("the right token in its time = %d", w.Code)
	}
	for i := range wrongTokens { // the right one has forgotten the wrong ones
		if w := g.send("POST", attacker, "x"); w.Code != http.StatusForbidden {
			t.Errorf("wrong token %d after the right one = %d", i, w.Code)
		}
	}
}

// TestForgottenTokens are no attempts, and neither is reading.
func TestForgottenTokens(t *testing.T) {
	g := newGuesser()
	for range 3 * wrongTokens {
		if w := g.send("POST", "192.0.2.1:1", ""); w.Code != http.StatusForbidden {
			t.Fatalf("a change without token = %d", w.Code)
		}
		if w := g.send("GET", "192.0.2.1:1", "wrong"); w.Code != http.StatusOK {
			t.Fatalf("reading with a wrong token = %d", w.Code)
		}
	}
	if w := g.send("POST", "192.0.2.1:1", "s3cret"); w.Code != http.StatusOK {
		t.Errorf("the right token = %d", w.Code)
	}
}

// TestNoToken: where none is configured none is right, an empty one neither.
func TestNoToken(t *testing.T) {
	h := Protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ProtectOptions{Hosts: []string{"example.com"}})
	for range 2 * wrongTokens {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Authorization", "Bearer ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Fatalf("a change with an empty token = %d", w.Code)
		}
	}
}

func TestSources(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:1": "192.0.2.1/32", "[::ffff:192.0.2.1]:2": "192.0.2.1/32", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:1": "fe80::/64", "@": "invalid Prefix", "": "invalid Prefix",
	} {
		if got := source(remote).String(); got != want {
			t.Errorf("source(%q) = %s, want %s", remote, got, want)
		}
	}
}

// TestAttemptsAreBounded: however many addresses guess.
func TestAttemptsAreBounded(t *testing.T) {
	a, now := newAttempts(), time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	at := func(i int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
	}
	stubborn := at(1 << 20)
	for range wrongTokens {
		a.add(stubborn, now)
	}
	for i := range 3 * maxSources {
		a.add(at(i), now)
		if i%(maxSources/2) == 0 {
			a.add(stubborn, now)
		}
	}
	if len(a.byFrom) != maxSources || a.order.Len() != maxSources {
		t.Errorf("%d and %d sources are remembered", len(a.byFrom), a.order.Len())
	}
	if a.wait(stubborn, now) <= 0 {
		t.Error("the one that goes on was forgotten")
	}
}
