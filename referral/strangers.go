package referral

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// maxStrangers is how many networks Strangers remembers.
const maxStrangers = 256

// Strangers remembers from where clients came whose address is in no subnet, so
// that an administrator can put their networks into sites. The zero value is
// ready. It is safe for concurrent use and bounded: of more networks than it has
// room for, those seen longest ago are forgotten.
type Strangers struct {
	mu   sync.Mutex
	seen map[netip.Prefix]*Stranger
}

// Stranger is a network of clients that no subnet holds.
type Stranger struct {
	Network netip.Prefix // the address's /24, or /64 of IPv6
	Count   uint64       // referrals
	Last    time.Time
}

// Note takes notice of a client that asked at now.
func (s *Strangers) Note(client netip.Addr, now time.Time) {
	client = client.Unmap().WithZone("")
	if !client.IsValid() || client.IsLoopback() {
		return
	}
	bits := 64
	if client.Is4() {
		bits = 24
	}
	network, err := client.Prefix(bits)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.seen[network]
	if known == nil {
		if s.seen == nil {
			s.seen = make(map[netip.Prefix]*Stranger)
		}
		if len(s.seen) >= maxStrangers {
			s.forgetOne()
		}
		known = &Stranger{Network: network}
		s.seen[network] = known
	}
	known.Count++
	known.Last = now
}

// forgetOne drops the network that was seen longest ago.
func (s *Strangers) forgetOne() {
	var oldest *Stranger
	for _, known := range s.seen {
		if oldest == nil || known.Last.Before(oldest.Last) {
			oldest = known
		}
	}
	delete(s.seen, oldest.Network)
}

// All returns the networks, those with the most referrals first.
func (s *Strangers) All() []Stranger {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Stranger, 0, len(s.seen))
	for _, known := range s.seen {
		all = append(all, *known)
	}
	slices.SortFunc(all, func(a, b Stranger) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), a.Network.Addr().Compare(b.Network.Addr()))
	})
	return all
}
