package quantity

import (
	"math"
	"testing"
)

func TestSpan(t *testing.T) {
	tests := []struct {
		seconds float64
		want    string
	}{
		{0, "0 s"},
		{59.9, "59 s"},
		{60, "1 min"},
		{61, "1 min 1 s"},
		{599, "9 min 59 s"},
		{840, "14 min"},
		{3599, "59 min"},
		{3600, "1 h"},
		{7500, "2 h 5 min"},
		{86400, "1 d"},
		{90000, "1 d 1 h"},
		{-1, "-"},
		{math.NaN(), "-"},
		{math.Inf(1), "-"},
	}
	for _, tt := range tests {
		if got := Span(tt.seconds); got != tt.want {
			t.Errorf("Span(%v) = %q, want %q", tt.seconds, got, tt.want)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	tests := []struct{ got, want string }{
		{Count(0), "0"},
		{Count(999), "999"},
		{Count(1000), "1,000"},
		{Count(-1234567), "-1,234,567"},
		{Count(uint64(math.MaxUint64)), "18,446,744,073,709,551,615"},
		{Count(int64(math.MinInt64)), "-9,223,372,036,854,775,808"},
		{Bytes(1023), "1,023 B"},
		{Bytes(1024), "1 KiB"},
		{Bytes(1536), "1.5 KiB"},
		{Bytes(1<<20 - 1), "1 MiB"},
		{Bytes(math.MaxInt64), "8 EiB"},
	}
	for i, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%d: %q, want %q", i, tt.got, tt.want)
		}
	}
}
