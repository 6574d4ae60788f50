package house

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

const zapPath = `"go.uber.org/zap"`

// TestLogLinesAreConstant: messages and field keys are constants, so that a
// log can be searched and nothing a client sent becomes a key.
func TestLogLinesAreConstant(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() || !imports(s, zapPath) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			if fault := logFault(call); fault != "" {
				t.Errorf("%s: %s", s.at(call.Pos()), fault)
			}
			return true
		})
	}
}

func TestLogFaultSeesAViolation(t *testing.T) {
	message := &ast.BinaryExpr{Op: token.ADD, X: &ast.BasicLit{Kind: token.STRING}, Y: ast.NewIdent("name")}
	logger := &ast.SelectorExpr{X: ast.NewIdent("log"), Sel: ast.NewIdent("Info")}
	if got := logFault(&ast.CallExpr{Fun: logger, Args: []ast.Expr{message}}); got == "" {
		t.Error("a concatenated message passed")
	}
	key := &ast.SelectorExpr{X: ast.NewIdent("zap"), Sel: ast.NewIdent("String")}
	if got := logFault(&ast.CallExpr{Fun: key, Args: []ast.Expr{ast.NewIdent("k"), ast.NewIdent("v")}}); got == "" {
		t.Error("a variable key passed")
	}
}

// logFault says what is wrong with a call of a logger or of a zap field.
func logFault(call *ast.CallExpr) string {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	receiver := exprName(sel.X)
	switch {
	case receiver == "zap" && isField(sel.Sel.Name) && !isLiteral(call.Args[0]):
		return "the key of a log field is not a literal"
	case sel.Sel.Name == "Sugar":
		return "a sugared logger"
	case isLevel(sel.Sel.Name) && isLogger(receiver) && !isLiteral(call.Args[0]):
		return "the message of a log line is not a literal"
	}
	return ""
}

func exprName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func isLogger(name string) bool {
	name = strings.ToLower(name)
	return name == "log" || strings.HasSuffix(name, "logger")
}

func isLevel(name string) bool {
	switch name {
	case "Debug", "Info", "Warn", "Error", "DPanic", "Panic", "Fatal":
		return true
	}
	return false
}

func isField(name string) bool {
	switch name {
	case "String", "Strings", "Int", "Ints", "Int64", "Uint8", "Uint16", "Uint32", "Uint64", "Bool", "Duration", "Time", "Stringer", "NamedError", "Any", "Float64", "Binary", "ByteString", "Object", "Array":
		return true
	}
	return false
}

func isLiteral(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Kind == token.STRING
}

func imports(s source, path string) bool {
	for _, spec := range s.file.Imports {
		if spec.Path.Value == path {
			return true
		}
	}
	return false
}
