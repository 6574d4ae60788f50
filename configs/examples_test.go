package configs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func fixedName() (string, error) { return "fs1.nyc.corp.example.com", nil }

// accepted returns the files that must load: the examples, and those of
// testdata whose names say so.
func accepted(t *testing.T) []string {
	t.Helper()
	examples, err := filepath.Glob("*.yaml")
	if err != nil || len(examples) < 3 {
		t.Fatalf("found the examples %v, %v", examples, err)
	}
	good, err := filepath.Glob("testdata/good-*.yaml")
	if err != nil || len(good) < 1 {
		t.Fatalf("found the files %v, %v", good, err)
	}
	return slices.Concat(examples, good)
}

func TestExamplesLoad(t *testing.T) {
	for _, path := range accepted(t) {
		if _, err := (Loader{Hostname: fixedName}).Load(path); err != nil {
			t.Errorf("Load(%s) =\n%v", path, err)
		}
	}
}

// TestExamplesTeach: editors check each example against the schema beside it.
func TestExamplesTeach(t *testing.T) {
	examples, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range examples {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(b), "# yaml-language-server: $schema=dfsd.schema.json\n#\n# ") {
			t.Errorf("%s does not name its schema and say what it is for", path)
		}
		if comments := strings.Count(string(b), "#"); comments < 10 {
			t.Errorf("%s has %d comments", path, comments)
		}
	}
}

// TestQuickstart: what a newcomer runs first needs no root and leaves nothing
// unserved.
func TestQuickstart(t *testing.T) {
	f, err := Load("quickstart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if faults := f.Unserved(f.Host); len(faults) > 0 {
		t.Errorf("Unserved(%q) = %v", f.Host, faults)
	}
	for _, path := range []string{f.DataDir, f.Admin.Socket, f.SMB.UsersFile} {
		if !strings.HasPrefix(path, "./.dfsd-quickstart/") {
			t.Errorf("%q is not under ./.dfsd-quickstart/", path)
		}
	}
	if !slices.Equal(f.SMB.Listen, []string{"127.0.0.1:4445"}) || f.Admin.Listen != "127.0.0.1:8420" {
		t.Errorf("it listens on %v and %s", f.SMB.Listen, f.Admin.Listen)
	}
}
