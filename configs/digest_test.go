package configs

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// TestDigest: it is that of the very bytes, so a comment changes it too.
func TestDigest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dfsd.yaml")
	seen := map[string]bool{}
	for _, text := range []string{"version: 1\nhost: a\n", "version: 1\nhost: a\n# a comment\n", "version: 1\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Loader{Hostname: fixedName}.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		if got, want := f.Digest(), hex.EncodeToString(sum[:]); got != want || seen[got] {
			t.Errorf("Digest() of %q = %s, want %s and no other's", text, got, want)
		}
		seen[f.Digest()] = true
	}
}
