package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dfsd/configs"
)

// untouched runs tests, and fails where they leave something in the data directory
// of a real daemon: a configuration of a test has one of its own.
type untouched struct{ tests *testing.M }

// Run implements testscript.TestingM.
func (u untouched) Run() int {
	var daemon configs.File
	daemon.SetDefaults()
	daemon.Admin.SetDefaults()
	if c, err := net.Dial("unix", daemon.Admin.Socket); err == nil {
		_ = c.Close() // nothing was asked
		return u.tests.Run()
	}
	before := listing(daemon.DataDir)
	code := u.tests.Run()
	if after := listing(daemon.DataDir); after != before && code == 0 {
		fmt.Fprintf(os.Stderr, "a test has written to %s, which was\n%s\nand is\n%s\n", daemon.DataDir, before, after)
		return 1
	}
	return code
}

// listing tells what stands in a directory, and when it was written.
func listing(dir string) string {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, path, info.Size(), info.ModTime().UnixNano())
		return nil
	})
	if err != nil {
		fmt.Fprintln(&b, err) // the same one each time, such as that it is not there
	}
	return b.String()
}

func TestListing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	seen := map[string]bool{}
	look := func() {
		t.Helper()
		if now := listing(dir); seen[now] {
			t.Errorf("a change is not seen: %s", now)
		} else {
			seen[now] = true
		}
	}
	look()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	look()
	for _, text := range []string{"", "more"} {
		if err := os.WriteFile(filepath.Join(dir, "audit.jsonl"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		look()
	}
	if first, second := listing(dir), listing(dir); first != second {
		t.Errorf("nothing has changed between\n%s and\n%s", first, second)
	}
}

// aConfiguration is how every configuration begins.
var aConfiguration = regexp.MustCompile(`(?m)^version: \d`)

// lacksDataDir tells whether a text is a configuration that would mean the data
// directory of a real daemon.
func lacksDataDir(text string) bool {
	return aConfiguration.MatchString(text) && !strings.Contains(text, "data_dir: ")
}

// TestConfigurationsHaveTheirOwnDataDir: every one in the sources of these tests.
func TestConfigurationsHaveTheirOwnDataDir(t *testing.T) {
	for _, tt := range []struct {
		before, behind string
		want           bool
	}{
		{"", "host: fs1\n", true},
		{"# ours\n", "", true},
		{"", "data_dir: data\n", false},
		{"no ", "", false},
	} {
		if text := fmt.Sprintf("%sversion: %d\n%s", tt.before, configs.Version, tt.behind); lacksDataDir(text) != tt.want {
			t.Errorf("lacksDataDir(%q) = %v", text, !tt.want)
		}
	}
	count := 0
	check := func(where, text string) {
		if aConfiguration.MatchString(text) {
			count++
		}
		if lacksDataDir(text) {
			t.Errorf("%s: a configuration without a data_dir of its own:\n%s", where, text)
		}
	}
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		b, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range strings.Split(string(b), "\n-- ")[1:] {
			name, text, _ := strings.Cut(file, " --\n")
			check(script+": "+name, text)
		}
	}
	sources, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		texts(t, source, check)
	}
	if count < 20 {
		t.Errorf("%d configurations were found: not all", count)
	}
}

// texts calls what for every text that a source has, put together where it is a
// sum, with nothing for what is no constant.
func texts(t *testing.T, source string, what func(where, text string)) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, source, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, isText := constantText(e)
		if isText {
			what(fset.Position(n.Pos()).String(), text)
		}
		return !isText
	})
}

// constantText is what is constant of a text.
func constantText(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, isLeft := constantText(e.X)
		right, isRight := constantText(e.Y)
		return left + right, e.Op == token.ADD && (isLeft || isRight)
	}
	return "", false
}
