package index

import (
	"encoding/binary"
	"iter"

	"dfsd/replication/version"
)

// Peer is what this member remembers of another one.
type Peer struct {
	Name      string
	Knowledge version.Vector // what the peer has said that it holds
	Heard     int64          // when it said so, in Unix nanoseconds; 0 for never
}

func (p Peer) append(b []byte) []byte { return binary.AppendVarint(p.Knowledge.Append(b), p.Heard) }

func parsePeer(name string, payload []byte) (Peer, error) {
	knowledge, rest, err := version.ParseVector(payload)
	if err != nil {
		return Peer{}, err
	}
	f := fields{b: rest}
	p := Peer{Name: name, Knowledge: knowledge, Heard: f.varint("time of hearing")}
	return p, f.end()
}

// Peers reads the state of peers.
type Peers struct{ t table }

// Get returns the state of a peer, or ErrNotFound.
func (p Peers) Get(name string) (Peer, error) {
	key := peerKey(name)
	payload, err := p.t.get(key)
	if err != nil {
		return Peer{}, err
	}
	return p.parse(key, payload)
}

// All yields the state of every peer, by name; it stops at the first error.
func (p Peers) All() iter.Seq2[Peer, error] {
	return func(yield func(Peer, error) bool) {
		for item, err := range p.t.prefix([]byte{tablePeer}) {
			var peer Peer
			if err == nil {
				peer, err = p.parse(item.key, item.payload)
			}
			if !yield(peer, err) || err != nil {
				return
			}
		}
	}
}

func (p Peers) parse(key, payload []byte) (Peer, error) {
	peer, err := parsePeer(string(key[1:]), payload)
	if err != nil {
		return Peer{}, p.t.damaged(key, err)
	}
	return peer, nil
}
