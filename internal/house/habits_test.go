package house

import (
	"bytes"
	"go/ast"
	"strconv"
	"strings"
	"testing"
)

const (
	maxLines     = 600 // of a product file; constant tables and generated code excepted
	maxTestLines = 800
	maxFunction  = 80 // lines of one function
)

func TestFilesStaySmall(t *testing.T) {
	for _, s := range sources(t) {
		if s.generated() {
			continue
		}
		limit := maxLines
		if s.isTest() {
			limit = maxTestLines
		}
		if n := bytes.Count(s.text, []byte("\n")); n > limit {
			t.Errorf("%s has %d lines, more than %d: split it by noun", s.path, n, limit)
		}
	}
}

func TestFunctionsStayShort(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() || s.generated() {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			if n := s.at(f.End()).Line - s.at(f.Pos()).Line + 1; n > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", s.at(f.Pos()), f.Name.Name, n, maxFunction)
			}
		}
	}
}

func TestPackagesSayWhatTheyHold(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		doc := s.file.Doc.Text()
		said[s.room()] = said[s.room()] || strings.HasPrefix(doc, "Package ") || strings.HasPrefix(doc, "Command ")
	}
	for room, ok := range said {
		if !ok {
			t.Errorf("no file of %s has a package comment", room)
		}
	}
}

// TestNothingHappensByImport: wiring is read in cmd/dfsd, not found in init
// functions and blank imports.
func TestNothingHappensByImport(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: an init function", s.at(f.Pos()))
			}
		}
		if s.isTest() {
			continue
		}
		for _, spec := range s.file.Imports {
			if spec.Name != nil && spec.Name.Name == "_" && spec.Path.Value != `"embed"` {
				t.Errorf("%s: a blank import", s.at(spec.Pos()))
			}
		}
	}
}

// TestProductCodeHasNoTestingParts: dying of somebody else's fault, sleeping
// and testing belong nowhere in the product.
func TestProductCodeHasNoTestingParts(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() || isGenerator(s) || s.room() == "internal/lab" {
			continue
		}
		for _, spec := range s.file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if path == "testing" || path == "unsafe" || path == "log" || path == "github.com/hirochachacha/go-smb2" {
				t.Errorf("%s: product code imports %s", s.at(spec.Pos()), path)
			}
		}
	}
}

// TestNoSleepInTests: a test waits for an event, polls a real process with a
// deadline, or lives in a synctest bubble, where time costs nothing.
func TestNoSleepInTests(t *testing.T) {
	for _, s := range sources(t) {
		if !s.isTest() || importsSynctest(s) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if isSelector(n, "time", "Sleep") {
				t.Errorf("%s: time.Sleep in a test", s.at(n.Pos()))
			}
			return true
		})
	}
}

func importsSynctest(s source) bool { return imports(s, `"testing/synctest"`) }
func isSelector(n ast.Node, pkg, name string) bool {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == pkg
}
