package referral

import (
	"net/netip"
	"testing"
	"time"
)

func TestStrangers(t *testing.T) {
	var s Strangers
	now := time.Unix(1000, 0)
	for i, text := range []string{"10.9.1.4", "10.9.1.200", "::ffff:10.9.1.7", "2001:db8:9:1::5", "127.0.0.1", "fe80::1%eth0", "2001:db8:9:1::6"} {
		s.Note(netip.MustParseAddr(text), now.Add(time.Duration(i)*time.Second))
	}
	s.Note(netip.Addr{}, now)
	want := []Stranger{
		{netip.MustParsePrefix("10.9.1.0/24"), 3, now.Add(2 * time.Second)},
		{netip.MustParsePrefix("2001:db8:9:1::/64"), 2, now.Add(6 * time.Second)},
		{netip.MustParsePrefix("fe80::/64"), 1, now.Add(5 * time.Second)},
	}
	got := s.All()
	if len(got) != len(want) {
		t.Fatalf("All() = %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("All()[%d] = %v, want %v", i, got[i], want[i])
		}
	}
}

// TestStrangersAreBounded: a scan over many networks forgets the oldest alone.
func TestStrangersAreBounded(t *testing.T) {
	var s Strangers
	now := time.Unix(1000, 0)
	for i := range 3 * maxStrangers {
		s.Note(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), now.Add(time.Duration(i)*time.Second))
	}
	all := s.All()
	if len(all) != maxStrangers {
		t.Fatalf("%d networks, want %d", len(all), maxStrangers)
	}
	for _, x := range all {
		if x.Last.Before(now.Add(2 * maxStrangers * time.Second)) {
			t.Errorf("%v was seen before others that are forgotten", x)
		}
	}
}
