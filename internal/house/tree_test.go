package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const module = "dfsd"

// source is one Go file of the tree, parsed with its comments.
type source struct {
	path string // from the root of the repository, with slashes
	file *ast.File
	set  *token.FileSet
	text []byte
}

// room is the package's folder: "referral/dfsc".
func (s source) room() string { return filepath.ToSlash(filepath.Dir(s.path)) }

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// generated tells whether a program wrote the file, by Go's own convention.
func (s source) generated() bool { return ast.IsGenerated(s.file) }

func (s source) at(p token.Pos) token.Position { return s.set.Position(p) }

// sources parses every Go file of the repository, whatever its build tags.
func sources(t *testing.T) []source {
	t.Helper()
	root := os.DirFS("../..")
	var found []source
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		found = append(found, parse(t, root, path))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("only %d Go files found: the tests about the tree see nothing", len(found))
	}
	return found
}

func parse(t *testing.T, root fs.FS, path string) source {
	t.Helper()
	text, err := fs.ReadFile(root, path)
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return source{path: path, file: file, set: set, text: text}
}
