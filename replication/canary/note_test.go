package canary

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

const golden = "dfsd-canary 1 fs1.corp.example.com 42 2026-11-22T20:15:00.120000000Z\n"

func goldenNote() note {
	return note{"fs1.corp.example.com", 42, time.Date(2026, 11, 22, 20, 15, 0, 120_000_000, time.UTC)}
}

func TestGolden(t *testing.T) {
	if got := string(goldenNote().append(nil)); got != golden {
		t.Errorf("append = %q, want %q", got, golden)
	}
	n, err := parse([]byte(golden))
	if want := goldenNote(); err != nil || n != want {
		t.Errorf("parse = %v, %v, want %v", n, err, want)
	}
}

func TestEveryPrefixIsRefused(t *testing.T) {
	valid := []byte(golden)
	for n := range valid {
		if got, err := parse(valid[:n:n]); !errors.Is(err, errMalformed) {
			t.Errorf("parse(%q) = %v, %v, want errMalformed", valid[:n], got, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	hosts := []string{"a", "fs1.corp.example.com", "Ünïcode_host", strings.Repeat("x", 253), strings.Repeat("_", 253), "con"}
	zone := time.FixedZone("east", 3*3600)
	for range 2000 {
		want := note{
			FileName(hosts[r.IntN(len(hosts))]), 1 + r.Uint64N(maxSeq),
			time.Unix(r.Int64N(200_000_000_000), r.Int64N(1e9)).In(zone),
		}
		line := want.append(nil)
		got, err := parse(slices.Clip(line))
		if err != nil || got.file != want.file || got.seq != want.seq || !got.written.Equal(want.written) {
			t.Fatalf("parse(%q) = %v, %v, want %v", line, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, line := range map[string]string{
		"nothing":               "",
		"another format":        strings.Replace(golden, " 1 ", " 2 ", 1),
		"two lines":             golden + golden,
		"a byte too many":       golden + "x",
		"carriage return":       strings.Replace(golden, "\n", "\r\n", 1),
		"upper case host":       strings.Replace(golden, "fs1", "FS1", 1),
		"path for a host":       strings.Replace(golden, "fs1", "../fs1", 1),
		"no host":               strings.Replace(golden, "fs1.corp.example.com", "", 1),
		"two blanks":            strings.Replace(golden, " 42", "  42", 1),
		"number 0":              strings.Replace(golden, " 42", " 0", 1),
		"leading zero":          strings.Replace(golden, " 42", " 042", 1),
		"sign":                  strings.Replace(golden, " 42", " +42", 1),
		"negative":              strings.Replace(golden, " 42", " -42", 1),
		"number past the limit": strings.Replace(golden, " 42", " 9007199254740992", 1),
		"number past 64 bits":   strings.Replace(golden, " 42", " 18446744073709551616", 1),
		"short fraction":        strings.Replace(golden, ".120000000", ".12", 1),
		"comma":                 strings.Replace(golden, ".120000000", ",120000000", 1),
		"other zone":            strings.Replace(golden, "Z\n", "+00:00\n", 1),
		"no such day":           strings.Replace(golden, "11-22", "02-30", 1),
		"name too long":         strings.Replace(golden, "fs1", strings.Repeat("a", maxName), 1),
		"larger than a canary":  golden[:len(golden)-1] + strings.Repeat(" ", maxLine) + "\n",
	} {
		if got, err := parse([]byte(line)); !errors.Is(err, errMalformed) {
			t.Errorf("%s: parse(%q) = %v, %v, want errMalformed", name, line, got, err)
		}
	}
	if _, err := parse([]byte(strings.Replace(golden, " 42", " 9007199254740991", 1))); err != nil {
		t.Error("the greatest number is refused:", err)
	}
}

// TestErrorsQuoteNothing: a link may make any file look like a canary.
func TestErrorsQuoteNothing(t *testing.T) {
	if _, err := parse([]byte("root:$6$secret:1:0:\n")); strings.Contains(err.Error(), "secret") {
		t.Error("the error quotes the file:", err)
	}
}

func TestLongestLineFits(t *testing.T) {
	n := note{FileName(strings.Repeat("_", 253)), maxSeq, time.Now()}
	if line := n.append(nil); len(line) >= maxLine {
		t.Errorf("the longest line has %d bytes, not less than %d", len(line), maxLine)
	} else if _, err := parse(line); err != nil {
		t.Error("the longest line is refused:", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(golden))
	f.Add([]byte("dfsd-canary 1 %c3%bc 1 0000-01-01T00:00:00.000000000Z\n"))
	f.Add([]byte("dfsd-canary 1 a 9007199254740991 9999-12-31T23:59:59.999999999Z\n"))
	f.Add([]byte("dfsd-canary 1 a 01 2026-11-22T20:15:00,120000000Z\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parse(slices.Clip(b))
		if err != nil {
			if n != (note{}) {
				t.Errorf("parse(%q) = %v beside %v", b, n, err)
			}
			return
		}
		if again := n.append(nil); !bytes.Equal(again, b) {
			t.Errorf("parse took %q, which append writes as %q", b, again)
		}
	})
}
