package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// full is an entry with every field.
func full() Entry {
	return Entry{
		At: time.Date(2026, 11, 22, 10, 3, 4, 567, time.UTC), Seq: 7,
		Who:    Who{Way: HTTP, User: "token", UID: -1, Address: "192.0.2.7:51000"},
		Action: "target.drain", Object: `\\fs1\projects <é>`,
		Before: json.RawMessage(`{"state":"online"}`), After: json.RawMessage(`{"state":"drained"}`),
		Reason: "new disk & memory", Result: "a target: \"late\"\n",
		Previous: strings.Repeat("0a", 32),
	}
}

// TestGolden: what is on disks today is read tomorrow. The sums are those of
// sha256sum over the line without its sum.
func TestGolden(t *testing.T) {
	lines, err := os.ReadFile(filepath.Join("testdata", "golden.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	golden := bytes.SplitAfter(lines, []byte("\n"))[:2]
	least := Entry{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Seq: 1, Who: Who{Way: Socket}, Action: "configuration.reload", Object: "configuration"}
	for i, e := range []Entry{least, full()} {
		sealed, line, err := seal(e)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(line, golden[i]) {
			t.Errorf("entry %d is written as\n%swant\n%s", i, line, golden[i])
		}
		got, err := ParseEntry(golden[i])
		if err != nil || got.Sum != sealed.Sum || !got.At.Equal(e.At) || got.Object != e.Object || got.Result != e.Result || !bytes.Equal(got.After, e.After) || got.Who != e.Who {
			t.Errorf("golden line %d is read as %+v, %v", i, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	_, valid, err := seal(full())
	if err != nil {
		t.Fatal(err)
	}
	for n := range valid {
		if e, err := ParseEntry(valid[:n:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("a prefix of %d bytes is read as %+v, %v", n, e, err)
		}
	}
	for n := range valid {
		for _, flip := range []byte{1, 0x20, 0x80} {
			other := bytes.Clone(valid)
			other[n] ^= flip
			if e, err := ParseEntry(other); !errors.Is(err, ErrMalformed) {
				t.Fatalf("with byte %d flipped by %#x it is read as %+v, %v", n, flip, e, err)
			}
		}
	}
	for name, line := range map[string]string{
		"space":         strings.Replace(string(valid), `"seq":7`, `"seq": 7`, 1),
		"key twice":     strings.Replace(string(valid), `"seq":7`, `"seq":6,"seq":7`, 1),
		"unknown key":   strings.Replace(string(valid), `"seq":7`, `"seq":7,"x":1`, 1),
		"two lines":     string(valid) + string(valid),
		"beyond bounds": strings.Repeat(" ", maxLine) + string(valid),
		"no object":     "[]\n",
		"null":          "null\n",
		"nothing":       "",
		"short sum":     `{"sum":""}` + "\n",
	} {
		if e, err := ParseEntry([]byte(line)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: it is read as %+v, %v", name, e, err)
		}
	}
}

// TestFieldsAreBounded: whatever is recorded fits a line, and is read again.
func TestFieldsAreBounded(t *testing.T) {
	for name, text := range map[string]string{
		"controls": strings.Repeat("\x00\x1f", 1<<19), "wide": strings.Repeat("😀", 1<<18),
		"no UTF-8": strings.Repeat("\xff\xfea\xe2\x80b", 1<<17), "separators": strings.Repeat("\u2028", 1<<18),
	} {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		e, line, err := seal(Entry{
			At: time.Unix(0, 0), Who: Who{Way: text, User: text, Address: text}, Action: text, Object: text, Reason: text, Result: text,
			Before: quoted, After: json.RawMessage(text),
		})
		if err != nil || len(line) > maxLine {
			t.Fatalf("%s: %d bytes, %v, at most %d go", name, len(line), err, maxLine)
		}
		if _, err := ParseEntry(line); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !utf8.ValidString(e.Object) || len(e.Object) > maxObject || len(e.Object) < maxObject-40 || !strings.Contains(e.Object, "bytes)") {
			t.Errorf("%s: the object has become %d bytes, ending in %q", name, len(e.Object), e.Object[max(0, len(e.Object)-30):])
		}
		if !strings.Contains(string(e.Before), "left_out_bytes") || !strings.Contains(string(e.After), "left_out_bytes") {
			t.Errorf("%s: states are %.80s and %.80s", name, e.Before, e.After)
		}
	}
	exact := strings.Repeat("x", maxObject)
	if got := cut(exact, maxObject); got != exact {
		t.Error("a text of the greatest length was cut")
	}
	long, err := json.Marshal(strings.Repeat("\xe2\x80\xa8", maxState/3-2))
	if err != nil {
		t.Fatal(err)
	}
	if _, line, err := seal(Entry{After: json.RawMessage("\"\xff\"")}); err != nil || !utf8.Valid(line) {
		t.Errorf("a state that is no UTF-8 is written as %q, %v", line, err)
	}
	if _, line, err := seal(Entry{Before: json.RawMessage(" " + string(long) + "\n")}); err != nil {
		t.Error(err)
	} else if _, err := ParseEntry(line); err != nil {
		t.Errorf("a state with spaces around it: %v", err)
	}
}

func FuzzParseEntry(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "golden.jsonl"))
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.SplitAfterSeq(golden, []byte("\n")) {
		f.Add(line)
	}
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"at":"2026-01-02T03:04:05Z","sum":"` + strings.Repeat(`\u0000`, 64) + "\"}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)[:len(b):len(b)]
		e, err := ParseEntry(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		again, err := encode(e)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%q is written again as %q, %v", b, again, err)
		}
	})
}

// FuzzSeal: every entry that Append may be given is one that is read.
func FuzzSeal(f *testing.F) {
	f.Add("target.drain", `\\fs1\x`, []byte(`{"a":[1,"<"]}`), int64(7))
	f.Add("\xff", "\u2028\x7f", []byte("\"\xe2\x80\xa8\""), int64(-1))
	f.Add("", "", []byte("1e5 "), int64(1)<<40)
	f.Fuzz(func(t *testing.T, action, object string, before []byte, at int64) {
		e, line, err := seal(Entry{At: time.Unix(at%(1<<37), 0), Action: action, Object: object, Before: before})
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseEntry(line)
		if err != nil || !utf8.Valid(line) || got.Sum != e.Sum || got.Object != e.Object || !bytes.Equal(got.Before, e.Before) {
			t.Fatalf("%q is read as %+v, %v", line, got, err)
		}
	})
}
