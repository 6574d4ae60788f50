package targetstate

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"dfsd/referral"
)

// golden is a file as version 1 writes it. The checksum was reckoned apart, by
// the bitwise definition of CRC-32C.
const golden = `{"version":1,"crc32c":"@SUM@","content":{"decisions":[` +
	`{"kind":"offline","host":"fs9","by":"bob","at":"2026-11-22T12:00:00Z"},` +
	`{"kind":"drained","path":"\\\\*\\public\\projects","target":"\\\\fs2\\projects","reason":"patching \u003cnow\u003e","by":"alice",` +
	`"at":"2026-11-22T12:00:00Z","until":"2026-11-22T22:00:00.5Z","old_ttl":"30m0s",` +
	`"taken_out":"2026-11-22T12:01:00Z","finished":"2026-11-22T12:31:00Z"}],` +
	`"statuses":[{"key":"FS3|\\\\FS3\\DATA|\\\\*\\PUBLIC\\PROJECTS","state":"lagging","reason":"12 files behind","since":"2026-11-22T11:00:00Z"},` +
	`{"key":"X","state":"down"}]}}` + "\n"

const goldenSum = "26985c69"

func goldenBytes() []byte { return []byte(strings.Replace(golden, "@SUM@", goldenSum, 1)) }

func goldenContent() content {
	host := Decision{Kind: Offline, Host: "fs9", By: "bob", At: noon}
	narrow := Decision{
		Kind: Drained, Path: projects, Target: `\\fs2\projects`, Reason: "patching <now>", By: "alice", At: noon,
		Until: noon.Add(10*time.Hour + 500*time.Millisecond), OldTTL: 30 * time.Minute,
		TakenOut: noon.Add(time.Minute), Finished: noon.Add(31 * time.Minute),
	}
	return content{
		decisions: map[Scope]Decision{foldScope(host.Scope()): host, foldScope(narrow.Scope()): narrow},
		statuses: map[string]SavedStatus{
			`FS3|\\FS3\DATA|\\*\PUBLIC\PROJECTS`: {State: referral.Lagging, Reason: "12 files behind", Since: noon.Add(-time.Hour)},
			"X":                                  {State: referral.Down},
		},
	}
}

func TestGolden(t *testing.T) {
	got, err := decode(goldenBytes())
	if err != nil || !reflect.DeepEqual(got, goldenContent()) {
		t.Errorf("decode() = %+v, %v, want %+v", got, err, goldenContent())
	}
	b, err := goldenContent().encode()
	if err != nil || !bytes.Equal(b, goldenBytes()) {
		t.Errorf("encode() = %s, %v, want %s", b, err, goldenBytes())
	}
	if !json.Valid(b) {
		t.Error("encode() is no JSON")
	}
}

func TestEveryPrefixIsRefused(t *testing.T) {
	whole := goldenBytes()
	for n := range whole {
		if _, err := decode(whole[:n:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("decode() of the first %d bytes = %v, want ErrCorrupt", n, err)
		}
	}
	if _, err := decode(append(whole, '\n')); !errors.Is(err, ErrCorrupt) {
		t.Errorf("decode() of a byte more = %v, want ErrCorrupt", err)
	}
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	whole := goldenBytes()
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			if _, err := decode(b); err == nil {
				t.Fatalf("decode() with bit %d of byte %d flipped passed", bit, i)
			}
		}
	}
}

// wrap puts a right frame around content.
func wrap(content string) []byte {
	return []byte(`{"version":1,"crc32c":"` + sumOf([]byte(content)) + `","content":` + content + "}\n")
}

func TestDecodeRefuses(t *testing.T) {
	decision := `{"kind":"offline","host":"fs9","at":"2026-11-22T12:00:00Z"}`
	status := `{"key":"X","state":"down"}`
	list := func(decisions, statuses string) string {
		return `{"decisions":[` + decisions + `],"statuses":[` + statuses + `]}`
	}
	if _, err := decode(wrap(list(decision, status))); err != nil {
		t.Fatalf("decode() = %v", err)
	}
	for name, content := range map[string]string{
		"no JSON":             "nothing",
		"an unknown field":    `{"decisions":[],"more":1}`,
		"two values":          list("", "") + list("", ""),
		"half a value more":   list("", "") + "{",
		"one scope twice":     list(decision+","+strings.Replace(decision, "fs9", "FS9", 1), ""),
		"one target twice":    list("", status+","+status),
		"an unknown kind":     list(strings.Replace(decision, "offline", "online", 1), ""),
		"a decision of never": list(`{"kind":"offline","host":"fs9"}`, ""),
		"a bad TTL":           list(strings.Replace(decision, `"host"`, `"old_ttl":"soon","host"`, 1), ""),
		"an absurd TTL":       list(strings.Replace(decision, `"host"`, `"old_ttl":"999999h","host"`, 1), ""),
		"an unknown state":    list("", `{"key":"X","state":"sideways"}`),
		"a state of others":   list("", `{"key":"X","state":"up"}`),
		"no key":              list("", `{"state":"down"}`),
		"a key of two lines":  list("", `{"key":"X\nY","state":"down"}`),
		"too many":            list("", strings.Repeat(status+",", maxStatuses)+status),
	} {
		if _, err := decode(wrap(content)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: decode() = %v, want ErrCorrupt", name, err)
		}
	}
	newer := bytes.Replace(goldenBytes(), []byte(`"version":1`), []byte(`"version":2`), 1)
	if _, err := decode(newer); err == nil || errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "newer dfsd") {
		t.Errorf("decode() of version 2 = %v, want that a newer dfsd wrote it", err)
	}
	for _, version := range []string{"0", "01", "-1", "+1", "1e0", "4294967297", "11111111111111", ""} {
		b := bytes.Replace(goldenBytes(), []byte(`"version":1`), []byte(`"version":`+version), 1)
		if _, err := decode(b); err == nil {
			t.Errorf("decode() of version %q passed", version)
		}
	}
}

func TestOpenStoreRefusesDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, storeFile)
	if err := os.WriteFile(path, goldenBytes()[:200], 0o600); err != nil {
		t.Fatal(err)
	}
	st, err := OpenStore(dir)
	if st != nil || !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move the file away") {
		t.Errorf("OpenStore() = %v, %v, want ErrCorrupt with the file and the next step", st, err)
	}
	if b, err := os.ReadFile(path); err != nil || len(b) != 200 {
		t.Errorf("OpenStore() left %d bytes, %v, want the file as it was", len(b), err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(dir); err == nil {
		t.Error("OpenStore() of a directory passed")
	}
}

// TestACrashBeforeTheRename: what it left is not read, and does not lend its mode
// to the next file.
func TestACrashBeforeTheRename(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir)
	set(t, st, onTarget(Drained, `\\fs2\projects`))
	left := filepath.Join(dir, storeFile+".new")
	if err := os.WriteFile(left, []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(left, 0o444); err != nil {
		t.Fatal(err)
	}
	st = openStore(t, dir)
	set(t, st, Decision{Kind: Offline, Host: "fs1"})
	if got := openStore(t, dir).All(noon); len(got) != 2 {
		t.Errorf("All() = %+v, want both", got)
	}
	if fi, err := os.Stat(filepath.Join(dir, storeFile)); err != nil || fi.Mode().Perm()&0o077 != 0 {
		t.Errorf("the file is %v, %v, want it the owner's alone", fi.Mode(), err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(goldenBytes())
	f.Add(wrap(`{"decisions":[],"statuses":[]}`))
	f.Add(wrap(`{"decisions":[{"kind":"drained","path":"//a/b/c","target":"//d/e","at":"2026-11-22T12:00:00+01:00","old_ttl":"1h"}],"statuses":null}`))
	f.Add([]byte(`{"version":2,"crc32c":"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkDecode(t, b[:len(b):len(b)])
		checkDecode(t, wrap(string(b))) // past the checksum
	})
}

// checkDecode: what is read is written again so that it reads the same.
func checkDecode(t *testing.T, b []byte) {
	c, err := decode(b)
	if err != nil {
		return
	}
	again, err := c.encode()
	if err != nil {
		t.Fatalf("encode(decode(%q)) = %v", b, err)
	}
	back, err := decode(again)
	if err != nil || !reflect.DeepEqual(back, c) {
		t.Fatalf("decode(encode(decode(%q))) = %+v, %v, want %+v", b, back, err, c)
	}
}
