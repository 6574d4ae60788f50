package smb2

import (
	"errors"
	"fmt"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"strings"
	"testing"
)

// TestStatusNames reads the constants from their source: each must have a name,
// and the name must be the identifier spelled as Microsoft does.
func TestStatusNames(t *testing.T) {
	identifiers := statusConstants(t)
	if len(identifiers) != len(statusNames) {
		t.Errorf("%d constants, %d names", len(identifiers), len(statusNames))
	}
	squeeze := func(s string) string { return strings.ToUpper(strings.ReplaceAll(s, "_", "")) }
	names := map[string]bool{}
	for status, name := range statusNames {
		names[squeeze(name)] = true
		if status.String() != name || status.Error() != name {
			t.Errorf("Status(%#x).String() = %q, want %q", uint32(status), status.String(), name)
		}
	}
	renamed := map[string]string{
		"StatusNoPreauthHashOverlap":   "STATUSSMBNOPREAUTHINTEGRITYHASHOVERLAP",
		"StatusSecUnsupportedFunction": "SECEUNSUPPORTEDFUNCTION",
		"StatusSecInvalidToken":        "SECEINVALIDTOKEN",
	}
	for _, id := range identifiers {
		want, ok := renamed[id]
		if !ok {
			want = squeeze(id)
		}
		if !names[want] {
			t.Errorf("%s has no name", id)
		}
	}
}

// statusConstants lists the constants of type Status in status.go.
func statusConstants(t *testing.T) []string {
	t.Helper()
	file, err := goparser.ParseFile(token.NewFileSet(), "status.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Status") {
			list = append(list, v.Names[0].Name)
		}
		return true
	})
	return list
}

func TestStatusValues(t *testing.T) {
	tests := []struct {
		status  Status
		name    string
		warning bool
		failed  bool
	}{
		{0x00000000, "STATUS_SUCCESS", false, false},
		{0x00000103, "STATUS_PENDING", false, false},
		{0x0000010C, "STATUS_NOTIFY_ENUM_DIR", false, false},
		{0x80000005, "STATUS_BUFFER_OVERFLOW", true, false},
		{0x80000006, "STATUS_NO_MORE_FILES", true, false},
		{0x80090302, "SEC_E_UNSUPPORTED_FUNCTION", false, true},
		{0x80090308, "SEC_E_INVALID_TOKEN", false, true},
		{0xC000000D, "STATUS_INVALID_PARAMETER", false, true},
		{0xC0000016, "STATUS_MORE_PROCESSING_REQUIRED", false, true},
		{0xC000019C, "STATUS_FS_DRIVER_REQUIRED", false, true},
		{0xC0000257, "STATUS_PATH_NOT_COVERED", false, true},
		{0xC000026D, "STATUS_DFS_UNAVAILABLE", false, true},
		{0xC05D0000, "STATUS_SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP", false, true},
		{0xC0ABCDEF, "STATUS_0xC0ABCDEF", false, true},
	}
	for _, tt := range tests {
		if got := tt.status.String(); got != tt.name {
			t.Errorf("Status(%#x).String() = %s, want %s", uint32(tt.status), got, tt.name)
		}
		if got := tt.status.IsWarning(); got != tt.warning {
			t.Errorf("%s.IsWarning() = %v, want %v", tt.name, got, tt.warning)
		}
		if got := tt.status.IsError(); got != tt.failed {
			t.Errorf("%s.IsError() = %v, want %v", tt.name, got, tt.failed)
		}
	}
	err := fmt.Errorf("open: %w", StatusPathNotCovered)
	var s Status
	if !errors.As(err, &s) || s != StatusPathNotCovered || !errors.Is(err, StatusPathNotCovered) {
		t.Errorf("errors.As(%v) = %v, want %v", err, s, StatusPathNotCovered)
	}
}
