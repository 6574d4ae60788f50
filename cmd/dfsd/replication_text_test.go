package main

import (
	"math"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"dfsd/internal/quantity"
	"dfsd/replication/status"
)

func TestHumanNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 1234567: "1,234,567", -1000: "-1,000", -999: "-999", math.MinInt64: "-9,223,372,036,854,775,808"} {
		if got := quantity.Count(n); got != want {
			t.Errorf("humanCount(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1 MiB", 1023 << 10: "1023 KiB", 1_288_490_189: "1.2 GiB",
		4 << 30: "4 GiB", math.MaxInt64: "8 EiB", -5: "-5 B",
	} {
		if got := humanSize(n); got != want {
			t.Errorf("humanSize(%d) = %q, want %q", n, got, want)
		}
	}
	for s, want := range map[float64]string{
		0: "0 s", 0.9: "0 s", 21.9: "21 s", 60: "1 min", 61: "1 min 1 s", 599: "9 min 59 s", 601: "10 min", 3599: "59 min", 3600: "1 h",
		7500: "2 h 5 min", 86399: "23 h 59 min", 86400: "1 d", 90001: "1 d 1 h", -1: "-", math.NaN(): "-", math.Inf(1): "-",
	} {
		if got := humanSeconds(s); got != want {
			t.Errorf("humanSeconds(%v) = %q, want %q", s, got, want)
		}
	}
}

func TestHumanProgress(t *testing.T) {
	for _, tt := range []struct {
		p    status.Progress
		want string
	}{
		{status.Progress{Phase: "waiting for a partner", SecondsLeft: -1}, "waiting for a partner"},
		{status.Progress{Phase: "scanning", FilesDone: 1, BytesDone: 2048, FilesPerSecond: 0.5, BytesPerSecond: 1 << 20, SecondsLeft: -1}, "scanning  1 file, 2 KiB, 1 MiB/s"},
		{status.Progress{Phase: "installing", FilesTotal: 1, FilesPerSecond: -1, BytesPerSecond: -1, SecondsLeft: 0}, "installing  0 of 1 file, about 0 s left"},
		{status.Progress{Phase: "x\x1b[2J\n"}, `x\x1b[2J`},
		{
			status.Progress{Phase: "installing", FilesDone: 12345, FilesTotal: 100_000, BytesDone: 1_288_490_189, BytesTotal: 10_522_669_875, FilesPerSecond: 4210, SecondsLeft: 21},
			"installing  12,345 of 100,000 files, 1.2 GiB of 9.8 GiB, 4,210 files/s, about 21 s left",
		},
	} {
		if got := humanProgress(tt.p); got != tt.want {
			t.Errorf("humanProgress(%+v) = %q, want %q", tt.p, got, tt.want)
		}
	}
}

func TestShown(t *testing.T) {
	for name, want := range map[string]string{
		"plan.odt": "plan.odt", "Pläne 2026/ü.odt": "Pläne 2026/ü.odt", `a\b`: `a\b`, "": "-", `"x"`: `"\"x\""`,
		" x": `" x"`, "x ": `"x "`, "a\tb": `"a\tb"`, "\xff": `"\xff"`, "\u202etdo.exe": `"\u202etdo.exe"`, "a\u00a0b": `"a\u00a0b"`,
	} {
		if got := shown(name); got != want {
			t.Errorf("shown(%q) = %q, want %q", name, got, want)
		}
	}
	if got, want := harmless("a\nb\x1b\xff\u200f'é"), "a\nb\\x1b\\xff\\u200f'é"; got != want {
		t.Errorf("harmless = %q, want %q", got, want)
	}
}

// TestNothingReachesTheTerminal: whatever a name holds, what is shown can be
// printed, and two names are never shown alike.
func TestNothingReachesTheTerminal(t *testing.T) {
	name := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("a\"\\n\n\x1b\t ")), 0, 6, -1),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 6), func(b []byte) string { return string(b) }))
	rapid.Check(t, func(t *rapid.T) {
		a, b := name.Draw(t, "a"), name.Draw(t, "b")
		for _, text := range []string{shown(a), oneLine(a)} {
			if !printable(text) {
				t.Fatalf("%q is shown as %q", a, text)
			}
		}
		if strings.IndexFunc(harmless(a), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) >= 0 {
			t.Fatalf("harmless(%q) = %q", a, harmless(a))
		}
		if a != b && a != "" && b != "" && shown(a) == shown(b) {
			t.Fatalf("%q and %q are both shown as %s", a, b, shown(a))
		}
	})
}
