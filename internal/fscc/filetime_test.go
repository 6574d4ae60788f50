package fscc

import (
	"testing"
	"time"
)

func TestFiletimeOf(t *testing.T) {
	tests := []struct {
		name string
		in   time.Time
		want Filetime
	}{
		{"no time", time.Time{}, 0},
		{"before 1601", time.Date(1600, 12, 31, 23, 59, 59, 0, time.UTC), 0},
		{"epoch", time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC), 0},
		{"one interval", time.Date(1601, 1, 1, 0, 0, 0, 199, time.UTC), 1},
		// [MS-DTYP] 2.3.3 counts from 1601; 1970 is 11644473600 s later.
		{"Unix epoch", time.Unix(0, 0), 116444736000000000},
		{"another zone", time.Date(1970, 1, 1, 1, 0, 0, 0, time.FixedZone("", 3600)), 116444736000000000},
		{"2024", time.Date(2024, 2, 29, 12, 30, 15, 987654300, time.UTC), 133536834159876543},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := FiletimeOf(tt.in); got != tt.want {
				t.Errorf("FiletimeOf(%v) = %d, want %d", tt.in, got, tt.want)
			}
		})
	}
}

func TestTimesAt(t *testing.T) {
	if got, want := TimesAt(7), (Times{Created: 7, Accessed: 7, Written: 7, Changed: 7}); got != want {
		t.Errorf("TimesAt(7) = %+v, want %+v", got, want)
	}
}
