package smb2

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestFiletime(t *testing.T) {
	tests := []struct {
		name string
		time time.Time
		want Filetime
	}{
		{"none", time.Time{}, 0},
		{"unix epoch", time.Unix(0, 0), 116444736000000000},
		{"before 1601", time.Date(1600, 12, 31, 0, 0, 0, 0, time.UTC), 0},
	}
	for _, tt := range tests {
		if got := FiletimeOf(tt.time); got != tt.want {
			t.Errorf("%s: FiletimeOf(%v) = %d, want %d", tt.name, tt.time, got, tt.want)
		}
	}
	if got := Filetime(134398154479921008).Time(); !got.Equal(time.Date(2026, 11, 22, 10, 4, 7, 992100800, time.UTC)) {
		t.Errorf("Filetime(134398154479921008).Time() = %v", got)
	}
	if got := Filetime(0).Time(); !got.IsZero() {
		t.Errorf("Filetime(0).Time() = %v, want the zero time", got)
	}
}

func TestFiletimeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Filetime(rapid.Uint64Range(1, 1<<62).Draw(t, "filetime"))
		if got := FiletimeOf(want.Time()); got != want {
			t.Fatalf("FiletimeOf(%v) = %d, want %d", want.Time(), got, want)
		}
	})
}
