package admin

import (
	"container/list"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ProtectOptions say whom Protect lets in.
type ProtectOptions struct {
	// Token is what a change needs as a bearer token; empty: no change at all.
	Token string
	// Hosts are the names under which this host is asked, besides localhost and
	// IP addresses.
	Hosts []string
	// Now is the clock of the limit on wrong tokens; nil: time.Now.
	Now func() time.Time
}

// Protect guards a Handler that is reached over the network: anybody may read,
// a change needs the token as a bearer token, and a browser's page from
// elsewhere may do neither. A request for a host of another name, which is how
// such a page would pass for one of ours (DNS rebinding), is refused; so are,
// for a while, the tokens of an address that has sent wrong ones.
func Protect(h http.Handler, o ProtectOptions) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	g := &guard{inner: h, o: o, token: sha256.Sum256([]byte("Bearer " + o.Token)), hosts: map[string]bool{"localhost": true}, wrong: newAttempts()}
	for _, name := range o.Hosts {
		g.hosts[plainName(name)] = true
	}
	return g
}

// guard is the handler that Protect makes.
type guard struct {
	inner http.Handler
	o     ProtectOptions
	token [sha256.Size]byte
	hosts map[string]bool
	wrong *attempts
}

// ServeHTTP implements http.Handler.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !g.isOurs(r.Host) {
		writeProblem(w, fmt.Errorf("%w: this daemon is not known as %q", ErrDenied, r.Host))
		return
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if reads && r.Header.Get("Origin") == "" {
		g.inner.ServeHTTP(w, r)
		return
	}
	from := source(r.RemoteAddr)
	if wait := g.wrong.wait(from, g.o.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		writeProblem(w, fmt.Errorf("%w: wait %d seconds", ErrTooMany, int(math.Ceil(wait.Seconds()))))
		return
	}
	switch sent := r.Header.Get("Authorization"); {
	case g.isToken(sent):
		g.wrong.forget(from)
		g.inner.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), trustedKey{}, true)))
		return
	case sent != "" && g.o.Token != "":
		g.wrong.add(from, g.o.Now())
	}
	if reads {
		writeProblem(w, fmt.Errorf("%w: requests of other sites' pages are refused", ErrDenied))
		return
	}
	writeProblem(w, fmt.Errorf("%w: a change over HTTP needs the token of admin.token_file", ErrDenied))
}

// isToken compares in a time that tells nothing of the token.
func (g *guard) isToken(sent string) bool {
	got := sha256.Sum256([]byte(sent))
	return g.o.Token != "" && subtle.ConstantTimeCompare(got[:], g.token[:]) == 1
}

// isOurs says whether a Host header names this host. One that is left out does:
// no browser leaves it out.
func (g *guard) isOurs(host string) bool {
	if host == "" {
		return true
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if _, err := netip.ParseAddr(bare); err == nil {
		return true
	}
	return g.hosts[plainName(name)]
}

// plainName is a DNS name without what makes no difference.
func plainName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Limits on wrong tokens.
const (
	// wrongTokens is how many an address may send at once.
	wrongTokens = 10
	// wrongEvery is how long it takes until it may send one more.
	wrongEvery = 6 * time.Second
	// maxSources bounds how many addresses are remembered; the one that has been
	// quiet longest makes room.
	maxSources = 4096
)

// attempts counts wrong tokens by where they come from. It is safe for
// concurrent use.
type attempts struct {
	mu     sync.Mutex
	byFrom map[netip.Prefix]*list.Element // guarded by mu, as order
	order  *list.List                     // of *attempt, the latest first
}

// attempt is what one source has sent: clear is when all of it is forgotten.
type attempt struct {
	from  netip.Prefix
	clear time.Time
}

func newAttempts() *attempts {
	return &attempts{byFrom: map[netip.Prefix]*list.Element{}, order: list.New()}
}

// wait is how long from has to wait until its token is looked at, 0 or less:
// not at all.
func (a *attempts) wait(from netip.Prefix, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, known := a.byFrom[from]
	if !known {
		return 0
	}
	return e.Value.(*attempt).clear.Sub(now) - (wrongTokens-1)*wrongEvery
}

// add counts one wrong token.
func (a *attempts) add(from netip.Prefix, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, known := a.byFrom[from]
	if !known {
		e = a.order.PushFront(&attempt{from: from})
		a.byFrom[from] = e
	}
	at := e.Value.(*attempt)
	if at.clear.Before(now) {
		at.clear = now
	}
	at.clear = at.clear.Add(wrongEvery)
	a.order.MoveToFront(e)
	for a.order.Len() > maxSources {
		oldest := a.order.Back()
		delete(a.byFrom, oldest.Value.(*attempt).from)
		a.order.Remove(oldest)
	}
}

// forget clears a source that has sent the right token.
func (a *attempts) forget(from netip.Prefix) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e, known := a.byFrom[from]; known {
		a.order.Remove(e)
		delete(a.byFrom, from)
	}
}

// source is who is counted: an IPv4 address, or the /64 of an IPv6 one, within
// which a host may choose. The zero Prefix stands for what is no address.
func source(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	ip, bits := at.Addr().Unmap(), 64
	if ip.Is4() {
		bits = 32
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
