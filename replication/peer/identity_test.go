package peer

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestIdentityIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "dfsd")
	if _, err := LoadIdentity(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadIdentity of nothing = %v, want %v", err, fs.ErrNotExist)
	}
	first, err := LoadOrCreateIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadOrCreateIdentity(dir)
	if err != nil || again.Fingerprint() != first.Fingerprint() {
		t.Errorf("LoadOrCreateIdentity again = %v, %v, want %v", again, err, first)
	}
	after, err := os.ReadFile(filepath.Join(dir, KeyFile))
	if err != nil || string(after) != string(before) {
		t.Errorf("the key file was written again: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the data directory holds %v, %v, want the key alone", entries, err)
	}
	info, err := os.Stat(filepath.Join(dir, KeyFile))
	if err != nil || info.Mode().Perm()&foreignBits != 0 {
		t.Errorf("the key's mode is %v, %v, want 0600", info.Mode(), err)
	}
}

// TestFingerprint computes it by another way, from the public key.
func TestFingerprint(t *testing.T) {
	id := newHost(t, "fs1", 1).id
	der, err := x509.MarshalPKIXPublicKey(id.certificate.Leaf.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	if got, want := id.Fingerprint().String(), "SHA256:"+base64.RawStdEncoding.EncodeToString(sum[:]); got != want {
		t.Errorf("Fingerprint() = %v, want %v", got, want)
	}
	if text := fmt.Sprintf("%v %+v %#v", id, id, id); strings.Contains(text, "certificate") {
		t.Errorf("an identity prints as %s", text)
	}
}

func TestIdentityMadeByManyIsOne(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	ids := make([]*Identity, 8)
	for i := range ids {
		wg.Go(func() {
			id, err := LoadOrCreateIdentity(dir)
			if err != nil {
				t.Error(err)
			}
			ids[i] = id
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == nil || id.Fingerprint() != ids[0].Fingerprint() {
			t.Errorf("LoadOrCreateIdentity at once = %v, want one for all", ids)
		}
	}
}

func TestIdentityRefused(t *testing.T) {
	const rsaPEM = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"
	tests := []struct {
		name, text string
		mode       fs.FileMode
		want       error
	}{
		{"garbage", "garbage", 0o600, nil},
		{"another PEM", rsaPEM, 0o600, nil},
		{"no PKCS #8", strings.ReplaceAll(rsaPEM, "RSA ", ""), 0o600, nil},
		{"empty", "", 0o600, nil},
		{"group may read", "garbage", 0o640, ErrKeyExposed},
		{"all may read", "garbage", 0o604, ErrKeyExposed},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		path := filepath.Join(dir, KeyFile)
		if err := os.WriteFile(path, []byte(tt.text), tt.mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadOrCreateIdentity(dir)
		if err == nil || tt.want != nil && foreignBits != 0 && !errors.Is(err, tt.want) {
			t.Errorf("%s: LoadOrCreateIdentity = %v, want %v", tt.name, err, tt.want)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != tt.text {
			t.Errorf("%s: the file was replaced by %q, %v", tt.name, text, err)
		}
	}
}
