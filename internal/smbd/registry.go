package smbd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"

	"dfsd/internal/smb2"
	"dfsd/internal/smbauth"
)

// registry holds the sessions of all connections by id, and which dialect each
// client machine speaks. Safe for concurrent use; it calls nothing that could
// wait for another lock.
type registry struct {
	rand io.Reader

	mu       sync.Mutex // guards all below, and reading from rand
	sessions map[uint64]registered
	machines map[machineID]machine
}

// registered is a session and, once it is set up, whose it is.
type registered struct {
	session  *session
	identity *smbauth.Identity
}

// machineID is a client that names itself by a GUID. The address keeps others
// from speaking for it.
type machineID struct {
	guid [16]byte
	addr netip.Addr
}

// machine is what is known of a client (3.3.5.5.3).
type machine struct {
	dialect     smb2.Dialect
	connections int
}

func newRegistry(rand io.Reader) *registry {
	return &registry{rand: rand, sessions: map[uint64]registered{}, machines: map[machineID]machine{}}
}

// random fills b.
func (g *registry) random(b []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, err := io.ReadFull(g.rand, b); err != nil {
		return fmt.Errorf("read random bytes: %w", err)
	}
	return nil
}

var errNoSessionID = errors.New("random source repeats itself")

// add gives s an id that cannot be guessed: not 0, which asks for a new session,
// nor all ones, which clients of related operations write.
func (g *registry) add(s *session) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for range 16 {
		var b [8]byte
		if _, err := io.ReadFull(g.rand, b[:]); err != nil {
			return fmt.Errorf("draw a session id: %w", err)
		}
		id := binary.LittleEndian.Uint64(b[:])
		if _, taken := g.sessions[id]; taken || id == 0 || id == ^uint64(0) {
			continue
		}
		s.id = id
		g.sessions[id] = registered{session: s}
		return nil
	}
	return errNoSessionID
}

// establish notes whose s is, and takes the session previous away from its
// connection if it is the same user's. It returns that session, nil if there is
// none; its connection cleans up (3.3.5.5.3).
func (g *registry) establish(s *session, identity *smbauth.Identity, previous uint64) *session {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sessions[s.id] = registered{session: s, identity: identity}
	old, ok := g.sessions[previous]
	if !ok || previous == s.id || old.identity == nil || !old.identity.SameUser(identity) {
		return nil
	}
	old.session.revoked.Store(true)
	return old.session
}

// established counts the sessions that are set up.
func (g *registry) established() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, s := range g.sessions {
		if s.identity != nil {
			n++
		}
	}
	return n
}

// remove forgets s.
func (g *registry) remove(s *session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sessions[s.id].session == s {
		delete(g.sessions, s.id)
	}
}

// enter notes that a connection of the client id speaks d, or reports false if
// the same client speaks another dialect at the same time: somebody between may
// have brought one of the two down. Every true enter is followed by one leave.
func (g *registry) enter(id machineID, d smb2.Dialect) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.machines[id]
	if m.connections > 0 && m.dialect != d {
		return false
	}
	g.machines[id] = machine{dialect: d, connections: m.connections + 1}
	return true
}

func (g *registry) leave(id machineID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.machines[id]
	if m.connections--; m.connections > 0 {
		g.machines[id] = m
		return
	}
	delete(g.machines, id)
}
