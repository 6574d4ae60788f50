package adsites

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"go.uber.org/zap"
)

// Server is a directory server that was found.
type Server struct {
	// Host is its DNS name, which its certificate must hold.
	Host string
	// Port is what its SRV record says; 0 stands for the usual one. Where
	// tls.mode is ldaps, 389 is taken as 636, since SRV records of domain
	// controllers name the plain port only.
	Port uint16
	// Addrs are its addresses, best first; none: Host is looked up on dialling.
	Addrs []netip.Addr
}

// Options are what a Reader needs from its surroundings. Every field may be
// left out, but Locate only where the configuration has URLs.
type Options struct {
	// Locate finds the servers of Config.Domain, nearest first. It is not called
	// where Config.URLs names servers.
	Locate func(ctx context.Context) ([]Server, error)
	// Log; nil: none.
	Log *zap.Logger
	// Dial opens a stream to address, which is an address or a host, and a port;
	// nil: a net.Dialer. A call is given 5 s; it is called concurrently.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Secured is told of each connection under TLS that is used: to which
	// host:port, and when the first of the certificates that it showed ends. It
	// must not block; nil: nobody is told.
	Secured func(server string, ends time.Time)
	// Now is the clock; nil: time.Now. It is called concurrently.
	Now func() time.Time
}

// Reader reads topologies from a directory and keeps one connection open
// between two readings. Its methods may be called concurrently; they take
// turns.
//
// A GSSAPI bind proves who asks and protects nothing after it: the LDAP library
// negotiates no security layer (RFC 4752 3.1). It therefore stands within TLS
// always, and a domain controller that demands channel binding
// (LdapEnforceChannelBinding=2) refuses it.
type Reader struct {
	config    Config
	options   Options
	directory directory

	turn   chan struct{} // holds a token while a method works with what follows
	kept   *session      // nil: none is open
	ahead  bool          // kept told of a change that was not read yet
	failed map[string]time.Time
	polled map[string]bool   // servers that cannot be followed
	told   map[string]string // by server: the fault that was logged last
	// exposed is the mode of the password file that was logged last.
	exposed os.FileMode

	woken chan struct{} // receives when a server that is followed tells a change

	portKDC   string        // where controllers give out tickets
	patience  time.Duration // with one server
	headStart time.Duration // of a server before the next
}

// directory is a kind of directory. What it does with a session fails as a
// whole.
type directory interface {
	// identify refuses a server that cannot be read, and names the life of its
	// database.
	identify(ctx context.Context, s *session) (string, error)
	// position returns what moves whenever anything in the database changes, or
	// "" where there is no such thing.
	position(ctx context.Context, s *session) (string, error)
	// read returns all objects and a state not later than what it began with.
	read(ctx context.Context, s *session, b *budget) (rows, cursor, error)
	// changed reports whether the topology is no longer in state mark.
	changed(ctx context.Context, s *session, mark cursor) (bool, error)
}

const (
	// demoted is how long a server that failed is asked last.
	demoted = time.Minute
	// attempts is how often a topology that changes while it is read is read.
	attempts = 3
	// patience is how long one server may take for all: one that goes on giving
	// little, or nothing and says that there is more, must not keep us from others.
	patience = 10 * time.Minute
)

// ErrRestless is of a topology that kept changing while it was read.
var ErrRestless = errors.New("the topology changed each time while it was read")

// NewReader returns a Reader for a configuration without faults. It connects
// to nothing yet.
func NewReader(c Config, o Options) *Reader {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Reader{
		config: c, options: o, directory: activeDirectory{}, turn: make(chan struct{}, 1), portKDC: portKDC, patience: patience, headStart: headStart,
		failed: map[string]time.Time{}, polled: map[string]bool{}, told: map[string]string{}, woken: make(chan struct{}, 1),
	}
	if c.Mapping != nil {
		r.directory = mappedDirectory{*c.Mapping}
	}
	return r
}

// lock waits for the other methods of r to end.
func (r *Reader) lock(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *Reader) unlock() { <-r.turn }

// Read reads the whole topology from the first server that gives one, nearest
// first and those that failed or were overtaken within the last minute at the
// end; where Changed was true of a server, that one is the first, for others may
// not have heard of the change yet. A server that does not say within half a second what it is does
// not keep the next one from being asked as well; whichever says it first is read,
// and it alone is shown who asks. Read gives one consistent topology or an error
// that says for each server what is wrong. A server that sends nothing for 30 s,
// or is not done in 10 min, has failed.
func (r *Reader) Read(ctx context.Context) (Reading, error) {
	if err := r.lock(ctx); err != nil {
		return Reading{}, err
	}
	defer r.unlock()
	if r.kept != nil && r.kept.feed != nil && r.kept.feed.stale() {
		r.drop() // who reads though nothing changed wants the server's own word
	}
	var reading Reading
	err := r.ask(ctx, func(ctx context.Context, s *session) error {
		var err error
		reading, err = r.readFrom(ctx, s)
		return err
	})
	r.ahead = false
	return reading, err
}

// Changed reports whether a Read would give something else than prev. It is
// true of a prev that another server gave, or none: what servers count is their
// own. It costs one small search while nothing in the directory changes.
//
// Where the account may not see tombstones, and there are more than 20,000
// objects, a deletion stays unnoticed.
func (r *Reader) Changed(ctx context.Context, prev Reading) (bool, error) {
	if prev.mark.origin == "" {
		return true, nil
	}
	if err := r.lock(ctx); err != nil {
		return false, err
	}
	defer r.unlock()
	changed := false
	look := func(ctx context.Context, s *session) error {
		var err error
		changed, err = r.look(ctx, s, prev.mark)
		return err
	}
	// The server that gave prev is the one whose counts can be compared.
	if r.kept != nil && r.kept.origin == prev.mark.origin {
		server := r.kept.target.name
		err := r.patiently(ctx, func(ctx context.Context) error { return look(ctx, r.kept) })
		if err != nil {
			r.drop()
			return false, &serverError{server, err}
		}
		r.ahead = changed
		return changed, nil
	}
	err := r.ask(ctx, look)
	r.ahead = err == nil && changed
	return r.ahead, err
}

func (r *Reader) look(ctx context.Context, s *session, mark cursor) (bool, error) {
	if s.origin != mark.origin {
		return true, nil
	}
	position, err := r.directory.position(ctx, s)
	if err != nil {
		return false, err
	}
	// A feed may hear of a change after its position has moved.
	if position != "" && s.feed == nil && s.quiet == (quiet{mark, position}) {
		return false, nil
	}
	changed, err := r.directory.changed(ctx, s, mark)
	if err == nil && !changed {
		s.quiet = quiet{mark, position}
	}
	return changed, err
}

// patiently does work, and no longer than one server may take.
func (r *Reader) patiently(ctx context.Context, work func(context.Context) error) error {
	bounded, stop := context.WithTimeoutCause(ctx, r.patience, fmt.Errorf("not done within %s", r.patience))
	defer stop()
	err := work(bounded)
	if err != nil && bounded.Err() != nil {
		return context.Cause(bounded)
	}
	return err
}

// Close ends the connection that is kept. A later Read opens a new one.
func (r *Reader) Close() error {
	r.turn <- struct{}{}
	defer r.unlock()
	if r.kept != nil {
		r.kept.close()
		r.kept = nil
	}
	return nil
}

// readFrom reads from one server until nothing changed meanwhile.
func (r *Reader) readFrom(ctx context.Context, s *session) (Reading, error) {
	for range attempts {
		raw, mark, err := r.directory.read(ctx, s, &budget{})
		if err != nil {
			return Reading{}, err
		}
		moved, err := r.moved(ctx, s, mark)
		if err != nil {
			return Reading{}, err
		}
		if moved {
			continue
		}
		config, warnings, err := assemble(raw)
		if err != nil {
			return Reading{}, err
		}
		return Reading{Config: config, Warnings: warnings, Server: s.target.name, At: r.options.Now(), mark: mark}, nil
	}
	return Reading{}, ErrRestless
}

// moved reports whether a topology changed while it was read. What a feed gives
// is of one moment.
func (r *Reader) moved(ctx context.Context, s *session, mark cursor) (bool, error) {
	if mark.feed != nil {
		return false, nil
	}
	if _, err := r.directory.position(ctx, s); err != nil {
		return false, err
	}
	return r.directory.changed(ctx, s, mark)
}
