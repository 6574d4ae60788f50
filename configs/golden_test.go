package configs

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what the tests got into the golden files")

// TestRefusals holds every file of testdata that is refused against the faults
// beside it, word for word.
func TestRefusals(t *testing.T) {
	files, err := filepath.Glob("testdata/bad-*.yaml")
	if err != nil || len(files) < 7 {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, err := Load(path)
			var refusal *Error
			if !errors.As(err, &refusal) {
				t.Fatalf("Load(%s) = %v, want a refusal", path, err)
			}
			got := strings.ReplaceAll(refusal.Error(), path, filepath.Base(path)) + "\n"
			golden(t, strings.TrimSuffix(path, ".yaml")+".want", got)
		})
	}
}

// golden holds got against the file at path.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not\n%s", path, got)
	}
}
