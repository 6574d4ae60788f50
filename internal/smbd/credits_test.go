package smbd

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// modelWindow is the window as [MS-SMB2] 3.3.1.1 words it: a set of the ids
// granted and unused.
type modelWindow struct {
	ids  map[uint64]bool
	next uint64
	most int
}

func (m *modelWindow) take(id uint64, charge int) bool {
	n := uint64(max(charge, 1))
	for i := range n {
		if !m.ids[id+i] || id+i < id {
			return false
		}
	}
	for i := range n {
		delete(m.ids, id+i)
	}
	return true
}

func (m *modelWindow) grant(want uint16, most int) uint16 {
	lowest := m.next
	for id := range m.ids {
		lowest = min(lowest, id)
	}
	granted := uint16(0)
	for granted < max(want, 1) && len(m.ids) < min(most, m.most) && m.next-lowest < 2*uint64(m.most) {
		m.ids[m.next] = true
		m.next++
		granted++
	}
	return granted
}

func TestWindowAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]int{64, 128, 512}).Draw(t, "most")
		first := rapid.SampledFrom([]uint64{0, 1}).Draw(t, "first")
		w := newWindow(first, most)
		m := modelWindow{ids: map[uint64]bool{first: true}, next: first + 1, most: most}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "grant") {
				want := uint16(rapid.IntRange(0, 700).Draw(t, "want"))
				bound := rapid.IntRange(1, most).Draw(t, "bound")
				if got, want := w.grant(want, bound), m.grant(want, bound); got != want {
					t.Fatalf("grant = %d, want %d (window %+v)", got, want, w)
				}
			} else {
				id := w.low + uint64(rapid.IntRange(-2, 2*most+2).Draw(t, "id"))
				charge := rapid.IntRange(0, 20).Draw(t, "charge")
				if got, want := w.take(id, charge), m.take(id, charge); got != want {
					t.Fatalf("take(%d, %d) = %v, want %v (window %+v)", id, charge, got, want, w)
				}
			}
			if got, want := w.available(), len(m.ids); got != want {
				t.Fatalf("available() = %d, want %d", got, want)
			}
		}
	})
}

func TestWindowTake(t *testing.T) {
	tests := []struct {
		name   string
		low    uint64
		grant  uint16
		before []uint64
		id     uint64
		charge int
		want   bool
	}{
		{name: "first", id: 0, want: true},
		{name: "not granted", id: 1, want: false},
		{name: "used", grant: 3, before: []uint64{0}, id: 0, want: false},
		{name: "used out of order", grant: 3, before: []uint64{2}, id: 2, want: false},
		{name: "out of order", grant: 3, before: []uint64{2}, id: 1, want: true},
		{name: "charge within", grant: 3, id: 0, charge: 4, want: true},
		{name: "charge beyond", grant: 3, id: 0, charge: 5, want: false},
		{name: "charge over a used one", grant: 3, before: []uint64{2}, id: 1, charge: 2, want: false},
		{name: "charge of 65535", grant: 3, id: 0, charge: 65535, want: false},
		{name: "all ones", grant: 3, id: ^uint64(0), want: false},
		{name: "charge wraps", grant: 3, id: ^uint64(0) - 1, charge: 3, want: false},
		{name: "end of the numbers", low: ^uint64(0) - 3, id: ^uint64(0) - 3, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWindow(tt.low, 512)
			if tt.grant > 0 {
				w.grant(tt.grant, 512)
			}
			for _, id := range tt.before {
				if !w.take(id, 1) {
					t.Fatalf("take(%d, 1) = false before the test", id)
				}
			}
			left := w.available()
			if got := w.take(tt.id, tt.charge); got != tt.want {
				t.Errorf("take(%d, %d) = %v, want %v", tt.id, tt.charge, got, tt.want)
			}
			if !tt.want && w.available() != left {
				t.Errorf("a refused take used up %d ids", left-w.available())
			}
		})
	}
}

// TestWindowNeverStarves: a client that has used all it had gets one at least,
// whatever it asked for; one that hoards gets nothing once it has enough.
func TestWindowNeverStarves(t *testing.T) {
	w := newWindow(0, 512)
	for id := range uint64(5000) {
		if !w.take(id, 1) {
			t.Fatalf("take(%d, 1) = false, want true", id)
		}
		if got := w.grant(0, 128); got != 1 {
			t.Fatalf("grant(0, 128) = %d after id %d, want 1", got, id)
		}
	}
	if w.used != nil {
		t.Error("ids that came in order made the window keep marks")
	}
	hoarded := 0
	for range 100 {
		hoarded += int(w.grant(65535, 512))
	}
	if got, want := w.available(), 512; got != want {
		t.Errorf("available() = %d after hoarding %d, want %d", got, hoarded, want)
	}
}

// TestWindowIsBounded: an id that is never used stops the window from growing.
func TestWindowIsBounded(t *testing.T) {
	w := newWindow(0, 128)
	w.grant(65535, 128)
	next, used := uint64(1), 0
	for w.available() > 1 && used < 100000 {
		if !w.take(next, 1) {
			t.Fatalf("take(%d, 1) = false, want true", next)
		}
		next++
		used++
		w.grant(65535, 128)
	}
	if w.available() != 1 || used > 256 {
		t.Errorf("%d ids used beside the lowest, %d left; want at most 256 used, 1 left", used, w.available())
	}
	if !w.take(0, 1) || w.grant(1, 128) != 1 {
		t.Error("using the lowest id does not free the window")
	}
}

func ExampleLimits() {
	var l Limits
	l.SetDefaults()
	fmt.Println(l.FrameUnauthenticated, l.AuthenticateWithin, l.CreditsMin, l.CreditsMax)
	// Output: 64KiB 10s 128 8192
}
