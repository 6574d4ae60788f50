package smbauth

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// What ktutil of MIT 1.20.1 writes for
	//
	//	addent -key -p cifs/files.corp.example.com@CORP.EXAMPLE.COM -k 3 -e aes128-cts-hmac-sha1-96
	//	addent -key -p HOST/FILES@CORP.EXAMPLE.COM -k 300 -e arcfour-hmac
	keytabMIT = `05020000005300020010434f52502e4558414d504c452e434f4d000463696673001666696c65732e636f72702e6578616d706c652e636f6d
		000000016b03281f030011001000112233445566778899aabbccddeeff00000003
		0000004200020010434f52502e4558414d504c452e434f4d0004484f5354000546494c4553
		000000016b03281f2c001700100123456789abcdef0123456789abcdef0000012c`
	// What samba-tool domain exportkeytab of Samba 4.17 writes. Heimdal, which
	// it uses, adds four bytes of flags to each record.
	keytabSamba = `0502000000530002000743342e54455354000463696673000b6673312e63342e74657374
		000000016b0327ff0300120020627b04d1bea3ed9edd7030434f4cac4bdcc00f1b272d3c6f13bc883f483f251f0000000300000000
		000000430002000743342e54455354000463696673000b6673312e63342e74657374
		000000016b0327ff0300110010e0481a80640cb89fd59dfb43ebc481560000000300000000
		000000430002000743342e54455354000463696673000b6673312e63342e74657374
		000000016b0327ff03001700107d4a2240507242961d8cdd643086cb750000000300000000`
)

func TestKeytabsOfOthers(t *testing.T) {
	for _, tt := range []struct {
		name       string
		file       string
		want       []KeytabEntry
		principals []string
	}{
		{
			name: "MIT", file: keytabMIT,
			want: []KeytabEntry{
				{"cifs/files.corp.example.com@CORP.EXAMPLE.COM", 3, "aes128-cts-hmac-sha1-96"},
				{"HOST/FILES@CORP.EXAMPLE.COM", 300, "arcfour-hmac"},
			},
			principals: []string{"HOST/FILES@CORP.EXAMPLE.COM", "cifs/files.corp.example.com@CORP.EXAMPLE.COM"},
		},
		{
			name: "Samba", file: keytabSamba,
			want: []KeytabEntry{
				{"cifs/fs1.c4.test@C4.TEST", 3, "aes256-cts-hmac-sha1-96"},
				{"cifs/fs1.c4.test@C4.TEST", 3, "aes128-cts-hmac-sha1-96"},
				{"cifs/fs1.c4.test@C4.TEST", 3, "arcfour-hmac"},
			},
			principals: []string{"cifs/fs1.c4.test@C4.TEST"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kt, err := ParseKeytab(unhex(t, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if got := kt.Entries(); !slices.Equal(got, tt.want) {
				t.Errorf("Entries() = %v, want %v", got, tt.want)
			}
			if got := kt.Principals(); !slices.Equal(got, tt.principals) {
				t.Errorf("Principals() = %q, want %q", got, tt.principals)
			}
			if at := kt.entries[0].written; at.Year() != 2026 {
				t.Errorf("written at %v", at)
			}
		})
	}
	kt, err := ParseKeytab(unhex(t, keytabMIT))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := kt.entries[0].key.value, unhex(t, "00112233445566778899aabbccddeeff"); !slices.Equal(got, want) {
		t.Errorf("first key %x, want %x", got, want)
	}
}

// keytabFile lays out entries as MIT does.
func keytabFile(entries ...keytabEntry) []byte {
	b := []byte{5, 2}
	for _, e := range entries {
		b = appendRecord(b, e)
	}
	return b
}

func appendRecord(b []byte, e keytabEntry) []byte {
	counted := func(b []byte, s string) []byte {
		return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	r := binary.BigEndian.AppendUint16(nil, uint16(len(e.principal.name)))
	r = counted(r, e.principal.realm)
	for _, part := range e.principal.name {
		r = counted(r, part)
	}
	r = binary.BigEndian.AppendUint32(r, 1)
	r = binary.BigEndian.AppendUint32(r, uint32(e.written.Unix()))
	r = append(r, byte(e.kvno))
	r = binary.BigEndian.AppendUint16(r, uint16(e.key.etype))
	r = counted(r, string(e.key.value))
	if !e.narrow {
		r = binary.BigEndian.AppendUint32(r, e.kvno)
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(r))), r...)
}

func testEntry(name, realm string, kvno uint32, key kerberosKey) keytabEntry {
	return keytabEntry{
		principal: principal{strings.Split(name, "/"), realm}, kvno: kvno, key: key,
		written: time.Unix(1_790_000_000, 0),
	}
}

func TestKeytabRoundTrip(t *testing.T) {
	want := []keytabEntry{
		testEntry("cifs/a", "R", 1, testKey(etypeAES256SHA1, 1)),
		testEntry("FS1$", "R", 70_000, testKey(etypeRC4, 2)),
		testEntry("x/y/z", "R", 255, kerberosKey{3, []byte("single-DES")}),
	}
	want[2].narrow = true
	kt, err := ParseKeytab(keytabFile(want...))
	if err != nil || !reflect.DeepEqual(kt.entries, want) {
		t.Errorf("came back as %v, %v", kt.Entries(), err)
	}
}

// TestKeytabPrefixes demands that a file cut anywhere but between two records
// is refused.
func TestKeytabPrefixes(t *testing.T) {
	for _, file := range []string{keytabMIT, keytabSamba} {
		valid := unhex(t, file)
		whole := []int{}
		for at := 2; at < len(valid); {
			at += 4 + int(binary.BigEndian.Uint32(valid[at:]))
			whole = append(whole, at)
		}
		for n := range valid {
			if _, err := ParseKeytab(valid[:n:n]); (err == nil) != slices.Contains(whole, n) {
				t.Errorf("prefix of %d bytes: %v", n, err)
			}
		}
	}
}

func TestRefusedKeytabs(t *testing.T) {
	entry := testEntry("cifs/a", "R", 1, testKey(etypeAES128SHA1, 1))
	good := keytabFile(entry)
	with := func(change func(*keytabEntry)) []byte {
		e := testEntry("cifs/a", "R", 1, testKey(etypeAES128SHA1, 1))
		change(&e)
		return keytabFile(e)
	}
	for _, tt := range []struct {
		name string
		b    []byte
		want string // part of the error; empty: accepted
	}{
		{name: "good", b: good},
		{name: "hole", b: append([]byte{5, 2, 0xFF, 0xFF, 0xFF, 0xFE, 1, 2}, good[2:]...)},
		{name: "end before the end", b: append(slices.Clone(good), 0, 0, 0, 0, 9, 9, 9)},
		{name: "empty", want: "version 0x0502"},
		{name: "no keys", b: []byte{5, 2}, want: "holds no keys"},
		{name: "holes alone", b: []byte{5, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0}, want: "holds no keys"},
		{name: "version 1", b: append([]byte{5, 1}, good[2:]...), want: "version 0x0502"},
		{name: "not a keytab", b: []byte("-----BEGIN"), want: "version 0x0502"},
		{name: "least size", b: []byte{5, 2, 0x80, 0, 0, 0}, want: "needs 2147483648 bytes, 0 left"},
		{name: "most size", b: []byte{5, 2, 0x7F, 0xFF, 0xFF, 0xFF}, want: "needs 2147483647 bytes"},
		{name: "no components", b: with(func(e *keytabEntry) { e.principal.name = nil }), want: "0 components"},
		{name: "many components", b: with(func(e *keytabEntry) { e.principal.name = make([]string, 9) }), want: "9 components"},
		{name: "empty realm", b: with(func(e *keytabEntry) { e.principal.realm = "" }), want: "realm or name"},
		{name: "control in the name", b: with(func(e *keytabEntry) { e.principal.name[1] = "a\nb" }), want: "printable"},
		{name: "long name", b: with(func(e *keytabEntry) { e.principal.name[1] = strings.Repeat("a", 257) }), want: "257 bytes"},
		{name: "short key", b: with(func(e *keytabEntry) { e.key.value = e.key.value[:15] }), want: "key of 15 bytes, want 16"},
		{name: "too long", b: make([]byte, maxKeytab+1), want: "most is"},
		{name: "too many keys", b: keytabFile(slices.Repeat([]keytabEntry{entry}, maxKeytabEntries+1)...), want: "more than 4096"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseKeytab(slices.Clip(tt.b))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ParseKeytab = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestKeyVersions(t *testing.T) {
	for _, tt := range []struct {
		name   string
		have   uint32
		narrow bool
		asked  uint32
		want   bool
	}{
		{name: "same", have: 3, asked: 3, want: true},
		{name: "not said", have: 3, asked: 0, want: true},
		{name: "other", have: 3, asked: 4},
		{name: "same in eight bits", have: 3, narrow: true, asked: 259, want: true},
		{name: "other in eight bits", have: 3, narrow: true, asked: 260},
		{name: "wide is wide", have: 3, asked: 259},
	} {
		if got := (keytabEntry{kvno: tt.have, narrow: tt.narrow}).isVersion(tt.asked); got != tt.want {
			t.Errorf("%s: isVersion(%d) of %d = %v, want %v", tt.name, tt.asked, tt.have, got, tt.want)
		}
	}
}

// TestFewKeysAreTried bounds the work that one ticket makes, and wants the
// service's own key first and no key twice.
func TestFewKeysAreTried(t *testing.T) {
	var entries []keytabEntry
	for i := range byte(40) {
		entries = append(entries, testEntry("host/other", testRealm, 3, testKey(etypeAES256SHA1, i/2)))
	}
	own := testEntry(testService, testRealm, 3, testKey(etypeAES256SHA1, 200))
	kt := &Keytab{entries: append(entries, own)}
	keys := kt.keysFor(principal{own.principal.name, testRealm}, sealedPart{etype: etypeAES256SHA1, kvno: 3})
	if len(keys) != maxTries || !keys[0].same(own.key) {
		t.Fatalf("%d keys, want %d and the service's own first", len(keys), maxTries)
	}
	for i, key := range keys {
		if slices.ContainsFunc(keys[:i], key.same) {
			t.Errorf("key %d stands twice", i)
		}
	}
}

func TestKeytabOfNobody(t *testing.T) {
	var kt *Keytab
	if kt.Entries() != nil || kt.Principals() != nil {
		t.Error("a nil keytab holds something")
	}
}

func TestLoadKeytab(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte, mode fs.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := unhex(t, keytabMIT)
	if kt, err := LoadKeytab(write("good", good, 0o600)); err != nil || len(kt.Entries()) != 2 {
		t.Errorf("LoadKeytab = %v, %v", kt.Entries(), err)
	}
	if _, err := LoadKeytab(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	for _, path := range []string{dir, write("cut", good[:90], 0o600), write("long", make([]byte, 2*maxKeytab), 0o600)} {
		if _, err := LoadKeytab(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("LoadKeytab(%s) = %v, want an error that names it", path, err)
		}
	}
	if runtime.GOOS == "windows" {
		return // modes do not show access there
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o601} {
		path := write("open", good, mode)
		_, err := LoadKeytab(path)
		if !errors.Is(err, ErrKeytabExposed) || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %04o: %v, want ErrKeytabExposed", mode, err)
		}
	}
}
