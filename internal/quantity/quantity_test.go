package quantity

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestParseSize(t *testing.T) {
	tests := []struct {
		text string
		want Size
		ok   bool
	}{
		{"0B", 0, true},
		{"1B", 1, true},
		{"1KiB", 1024, true},
		{"64KiB", 64 << 10, true},
		{"4GiB", 4 << 30, true},
		{"2TiB", 2 << 40, true},
		{"007MiB", 7 << 20, true},
		{"8388607TiB", 8388607 << 40, true},
		{"8388608TiB", 0, false},
		{"99999999999999999999B", 0, false},
		{"", 0, false},
		{"4", 0, false},
		{"GiB", 0, false},
		{"-1GiB", 0, false},
		{"+1GiB", 0, false},
		{"1.5GiB", 0, false},
		{"4 GiB", 0, false},
		{"4GiB ", 0, false},
		{"4GB", 0, false},
		{"4gib", 0, false},
		{"1_000B", 0, false},
	}
	for _, tt := range tests {
		got, err := ParseSize(tt.text)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseSize(%q) = %d, %v, want %d, ok %v", tt.text, got, err, tt.want, tt.ok)
		}
	}
}

func TestParseBandwidth(t *testing.T) {
	tests := []struct {
		text  string
		want  Bandwidth
		bytes int64
		ok    bool
	}{
		{"unlimited", Unlimited, 0, true},
		{"1bit", 1, 1, true},
		{"56kbit", 56_000, 7_000, true},
		{"4mbit", 4_000_000, 500_000, true},
		{"10gbit", 10_000_000_000, 1_250_000_000, true},
		{"0mbit", 0, 0, false},
		{"", 0, 0, false},
		{"4", 0, 0, false},
		{"4Mbit", 0, 0, false},
		{"4mbps", 0, 0, false},
		{"-4mbit", 0, 0, false},
		{"10000000000gbit", 0, 0, false},
	}
	for _, tt := range tests {
		got, err := ParseBandwidth(tt.text)
		if got != tt.want || got.BytesPerSecond() != tt.bytes || (err == nil) != tt.ok {
			t.Errorf("ParseBandwidth(%q) = %d (%d B/s), %v, want %d (%d B/s), ok %v",
				tt.text, got, got.BytesPerSecond(), err, tt.want, tt.bytes, tt.ok)
		}
	}
}

func TestString(t *testing.T) {
	for n, want := range map[Size]string{0: "0B", 1: "1B", 1000: "1000B", 1 << 10: "1KiB", 3 << 29: "1536MiB", 4 * GiB: "4GiB", 5 * TiB: "5TiB"} {
		if got := n.String(); got != want {
			t.Errorf("Size(%d).String() = %q, want %q", int64(n), got, want)
		}
	}
	for n, want := range map[Bandwidth]string{0: "unlimited", 1: "1bit", 1500: "1500bit", 64 * Kbit: "64kbit", 4 * Mbit: "4mbit", 2 * Gbit: "2gbit"} {
		if got := n.String(); got != want {
			t.Errorf("Bandwidth(%d).String() = %q, want %q", int64(n), got, want)
		}
	}
}

func TestMessages(t *testing.T) {
	var s Size
	if err := s.UnmarshalText([]byte("4GB")); err == nil ||
		err.Error() != `"4GB" is no size: want a whole number with KiB, MiB, GiB or TiB, for example 4GiB` {
		t.Errorf("UnmarshalText(4GB) = %v", err)
	}
	var b Bandwidth
	if err := b.UnmarshalText([]byte("fast")); err == nil ||
		err.Error() != `"fast" is no bandwidth: want a whole number above 0 with kbit, mbit or gbit, for example 4mbit, or unlimited` {
		t.Errorf("UnmarshalText(fast) = %v", err)
	}
}

// TestRoundTrip: what is written is read as the same amount, exactly.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, math.MaxInt64).Draw(t, "n")
		text, _ := Size(n).MarshalText()
		var s Size
		if err := s.UnmarshalText(text); err != nil || s != Size(n) {
			t.Fatalf("Size(%d) written as %q read as %d, %v", n, text, s, err)
		}
		text, _ = Bandwidth(n).MarshalText()
		var b Bandwidth
		if err := b.UnmarshalText(text); err != nil || b != Bandwidth(n) {
			t.Fatalf("Bandwidth(%d) written as %q read as %d, %v", n, text, b, err)
		}
	})
}

// TestFailureLeavesTheValue: a default survives a text that is refused.
func TestFailureLeavesTheValue(t *testing.T) {
	s, b := 4*GiB, 2*Mbit
	if s.UnmarshalText([]byte("x")) == nil || s != 4*GiB {
		t.Errorf("refused text changed the size to %v", s)
	}
	if b.UnmarshalText([]byte("x")) == nil || b != 2*Mbit {
		t.Errorf("refused text changed the bandwidth to %v", b)
	}
}
