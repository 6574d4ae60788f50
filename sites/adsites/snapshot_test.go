package adsites

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"dfsd/sites"
)

func someReading() Reading {
	return Reading{
		Config: sites.Config{
			Sites:   []string{"HQ", "Zürich"},
			Subnets: []sites.SubnetConfig{{Prefix: netip.MustParsePrefix("10.1.0.0/16"), Site: "HQ"}, {Prefix: netip.MustParsePrefix("2001:db8::/32"), Site: "Zürich"}},
			Links:   []sites.LinkConfig{{Name: "l", Sites: []string{"HQ", "Zürich"}, Cost: 7}, {Name: "m", Sites: []string{"HQ", "Zürich"}, Cost: 9}},
			Bridges: []sites.BridgeConfig{{Name: "b", Links: []string{"l", "m"}}},
		},
		Warnings: []Warning{{"CN=x", "is wrong"}, {"", "two more"}},
		Server:   "dc1.corp.test:636",
		At:       time.Date(2026, 11, 22, 17, 0, 0, 5, time.UTC),
	}
}

func TestSnapshotRoundTrip(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadSnapshot(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadSnapshot() of nothing = %v", err)
	}
	want := someReading()
	for range 2 { // the second replaces the first
		want.Config.BridgeAll = !want.Config.BridgeAll
		saved := want
		saved.mark = cursor{origin: "not kept"}
		if err := SaveSnapshot(dir, saved); err != nil {
			t.Fatal(err)
		}
		if got, err := LoadSnapshot(dir); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("LoadSnapshot() = %+v, %v\nwant %+v", got, err, want)
		}
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if !slices.Equal(files, []string{filepath.Join(dir, SnapshotName)}) {
		t.Errorf("files %v", files)
	}
}

// The first version as it is on disks: magic, version, length and the first
// bytes of the checksum; then the body.
const (
	goldenHead = "646673647369746500000001000000000000004e5ec4a54e"
	goldenBody = `{"at":"2026-11-22T17:00:00Z","server":"s:636","sites":["a"],"bridge_all":true}`
)

func TestSnapshotGolden(t *testing.T) {
	r := Reading{Config: sites.Config{Sites: []string{"a"}, BridgeAll: true}, Server: "s:636", At: time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)}
	b, err := encodeSnapshot(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(b[:24]); got != goldenHead || string(b[snapshotHead:]) != goldenBody {
		t.Errorf("snapshot %s %s\nwant %s %s", got, b[snapshotHead:], goldenHead, goldenBody)
	}
}

func TestSnapshotDamage(t *testing.T) {
	dir := t.TempDir()
	good, err := encodeSnapshot(someReading())
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := decodeSnapshot(good[:n:n]); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("prefix of %d bytes: %v", n, err)
		}
		bad := slices.Clone(good)
		bad[n] ^= 4
		if _, err := decodeSnapshot(bad); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("bit turned in byte %d: %v", n, err)
		}
	}
	for name, r := range map[string]Reading{"no sites": {}, "a fault": {Config: sites.Config{Sites: []string{"a", "A"}}}} {
		b, err := encodeSnapshot(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeSnapshot(b); !errors.Is(err, ErrSnapshot) {
			t.Errorf("%s: %v", name, err)
		}
	}
	large := filepath.Join(dir, SnapshotName)
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, maxSnapshot+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSnapshot(dir); err == nil {
		t.Error("a file of 64 MiB and a byte was read")
	}
	if err := SaveSnapshot(filepath.Join(dir, "absent"), someReading()); err == nil {
		t.Error("saved where there is no directory")
	}
}

func FuzzSnapshot(f *testing.F) {
	for _, r := range []Reading{someReading(), {Config: sites.Config{Sites: []string{"a"}}}} {
		b, err := encodeSnapshot(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[snapshotHead:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b := append([]byte(snapshotMagic), 0, 0, 0, 1, 0, 0, 0, 0, byte(len(body)>>24), byte(len(body)>>16), byte(len(body)>>8), byte(len(body)))
		sum := snapshotSum(b, body)
		r, err := decodeSnapshot(slices.Clip(append(append(b, sum[:]...), body...)))
		if err != nil {
			return
		}
		if _, err := sites.New(r.Config); err != nil {
			t.Fatalf("decoded a topology with a fault: %v", err)
		}
		again, err := encodeSnapshot(r)
		if err != nil {
			return // a year beyond what JSON writes
		}
		if twice, err := decodeSnapshot(again); err != nil || !reflect.DeepEqual(twice.Config, r.Config) {
			t.Fatalf("%+v became %+v, %v", r, twice, err)
		}
	})
}
