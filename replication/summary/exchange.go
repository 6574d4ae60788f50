package summary

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"dfsd/replication"
	"dfsd/replication/status"
)

// Peer is a host to connect with.
type Peer struct {
	Host    string
	Address string // host:port
	Key     replication.Fingerprint
}

// Host is what is known of one host. It and all that it refers to are
// immutable.
type Host struct {
	Host     string
	Software string
	Self     bool
	// HeardAt is when the host published this, by the clock here: its age is
	// the time since then. Zero: never.
	HeardAt time.Time
	// Via is the connected host that brought this; that host itself where it
	// is connected, and empty for this host.
	Via string
	// Folders are sorted by group and folder, and trimmed: they have no path,
	// no rates, no list of unread files and no bytes sent. OldestSeconds is as
	// of HeardAt.
	Folders []status.Folder
	// Notes are what Publish was given beside the folders.
	Notes []byte
}

// Link is the state of the connection with one host.
type Link struct {
	Host      string
	Connected bool
	Dialled   bool      // with Connected: this host opened the connection
	Since     time.Time // of the connection, or of its end; zero: there was none
	// Err is why there is no connection; nil while there is one and before the
	// first attempt has ended.
	Err error
}

// Options is what an Exchange needs. All functions may be called concurrently
// and at any time, so they must be quick.
type Options struct {
	// Host is the name of this host in the configuration, and Software the
	// program and its version.
	Host, Software string
	// Peers returns the hosts to dial; it is asked every BeatEvery. This host
	// among them is left out.
	Peers func() []Peer
	// Known returns the names of the hosts of the configuration, members and
	// observers: nothing is kept of others. nil: those of Peers.
	Known func() []string
	// Members returns the names of the hosts whose word on others is taken;
	// nil: that of every known host.
	Members func() []string
	// Dial opens a connection whose other side has proven the key of p. ctx
	// bounds the opening alone.
	Dial func(ctx context.Context, p Peer) (net.Conn, error)
	// Log hears of connections and of peers that misbehave; nil: nobody does.
	Log *zap.Logger
	// Random draws 64 random bits; nil: those of the runtime.
	Random func() uint64
	// Metrics is where counters are registered; nil: nowhere.
	Metrics prometheus.Registerer
	// Every is the shortest pause between two sends of changes on one
	// connection; 0: 500 ms.
	Every time.Duration
}

// Timing that both sides of a connection rely on.
const (
	// BeatEvery is how often each side of a connection says what it has.
	BeatEvery = 2 * time.Second
	// Silence is how long a connection may bring no byte, or take none.
	Silence = 10 * time.Second
	// Forget is how long a host that is not heard of stays known.
	Forget = 24 * time.Hour

	defaultEvery = 500 * time.Millisecond
)

// Exchange keeps what is known of all hosts and exchanges it with peers. It is
// safe for concurrent use.
type Exchange struct {
	o       Options
	metrics *metrics
	changed chan struct{}

	mu    sync.Mutex // guards all below, and what connections say they leave to it
	book  *book
	peers map[string]*neighbour
	// known and members are what Options answered last; members may be nil.
	known, members map[string]bool
	warned         time.Time // of a claim of our name
}

// NewExchange returns an Exchange that knows nothing yet; Run says what is
// wrong with o.
func NewExchange(o Options) *Exchange {
	o.Host, o.Software = o.spelling(), clip(o.Software, maxText)
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	if o.Random == nil {
		o.Random = rand.Uint64
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	now := time.Now()
	return &Exchange{
		o: o, metrics: newMetrics(o.Metrics), changed: make(chan struct{}, 1),
		book: newBook(o.Host, o.Software, newBoot(now, o.Random())), peers: map[string]*neighbour{},
	}
}

func (o *Options) validate() error {
	if o.Host == "" || o.Host != clip(o.Host, maxText) || o.Peers == nil || o.Dial == nil {
		return errors.New("summary: options without host, peers or dial")
	}
	return nil
}

// Publish says what this host knows of itself now. Call it at least every
// BeatEvery, whether anything changed or not: others count the age of this
// host's figures from its last call. Nothing is sent at once when nothing
// changed; that OldestSeconds grows with time is no change. What exceeds the
// bounds of the protocol is cut: folders beyond MaxFolders, connections beyond
// MaxConnections of a folder; notes beyond MaxNotes are left out. The arguments
// are copied.
func (x *Exchange) Publish(folders []status.Folder, notes []byte) {
	now := time.Now()
	own, cut := trimAll(folders, now)
	if len(notes) > MaxNotes {
		notes, cut = nil, true
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if cut && !x.book.cut {
		x.o.Log.Warn("the status of this host is too large for other hosts and was cut", zap.Int("folders", len(folders)), zap.Int("sent", len(own)))
	}
	x.book.cut = cut
	if x.book.publish(own, notes, now) {
		x.tell(nil)
	}
}

// Hosts returns what is known of all hosts, this one first and the others by
// name. A host that is no member has no folders, whatever it says.
func (x *Exchange) Hosts() []Host {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := x.book.hosts()
	for i := range all {
		if h := &all[i]; !h.Self && x.members != nil && !x.members[h.Host] {
			h.Folders = nil
		}
	}
	return all
}

// Knows tells whether a host is in the configuration.
func (x *Exchange) Knows(host string) bool { return slices.Contains(x.o.names(), host) }

// names returns the hosts of the configuration.
func (o *Options) names() []string {
	if o.Known != nil {
		return o.Known()
	}
	var names []string
	if o.Peers != nil {
		for _, p := range o.Peers() {
			names = append(names, p.Host)
		}
	}
	return names
}

// spelling returns the name of this host as the configuration spells it among the
// others: that is the one that they know it by.
func (o *Options) spelling() string {
	names := o.names()
	if slices.Contains(names, o.Host) {
		return o.Host
	}
	for _, name := range names {
		if replication.SameHost(name, o.Host) {
			return name
		}
	}
	return o.Host
}

// Changed is ready after what Hosts or Links return has changed in more than
// times; several changes may be one. It is for one reader.
func (x *Exchange) Changed() <-chan struct{} { return x.changed }

// Links returns the state of the connections with all peers, and with other
// hosts that were connected, by name.
func (x *Exchange) Links() []Link {
	x.mu.Lock()
	defer x.mu.Unlock()
	links := make([]Link, 0, len(x.peers))
	for host, n := range x.peers {
		links = append(links, n.link(host))
	}
	slices.SortFunc(links, func(a, b Link) int { return strings.Compare(a.Host, b.Host) })
	return links
}

// tell wakes all connections but one, because there is something new, and
// whoever waits for Changed. It runs with mu held.
func (x *Exchange) tell(but *conn) {
	for _, n := range x.peers {
		for _, c := range n.conns {
			if c != but {
				c.poke()
			}
		}
	}
	x.signal()
}

func (x *Exchange) signal() {
	select {
	case x.changed <- struct{}{}:
	default:
	}
}

// refresh asks again who is known, and forgets the others.
func (x *Exchange) refresh(peers []Peer, now time.Time) {
	known, members := map[string]bool{}, map[string]bool(nil)
	if x.o.Known == nil {
		for _, p := range peers {
			known[p.Host] = true
		}
	} else {
		known = setOf(x.o.Known())
	}
	if x.o.Members != nil {
		members = setOf(x.o.Members())
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !maps.Equal(x.known, known) || !maps.Equal(x.members, members) {
		x.force() // others are wanted than the last beats said
	}
	x.known, x.members = known, members
	if x.book.prune(func(host string) bool { return known[host] }, now) {
		x.signal()
	}
	x.metrics.hosts.Set(float64(len(x.book.records)))
	for host, n := range x.peers {
		if known[host] || host == x.o.Host {
			continue
		}
		for _, c := range n.conns {
			c.stop(ErrUnknown)
		}
		if len(n.conns) == 0 {
			delete(x.peers, host)
		}
	}
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}
