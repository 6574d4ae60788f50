package main

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"dfsd/internal/audit"
)

// TestAuditLogMayComeLater: a data directory that cannot be written keeps nothing
// from running but changes, and those only until it can.
func TestAuditLogMayComeLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file stands in its place
		t.Fatal(err)
	}
	core, told := observer.New(zap.ErrorLevel)
	a := newAuditLog(dir, zap.New(core))
	if told.Len() != 1 {
		t.Errorf("told %v", told.All())
	}
	e := audit.Entry{Who: audit.Who{Way: audit.Socket}, Action: "target.drain", Object: "fs1"}
	if a.Check(t.Context()) == nil || a.Append(t.Context(), e) == nil {
		t.Error("changes are recorded where nothing can be")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := a.Append(t.Context(), e); err != nil {
		t.Errorf("Append = %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if n, err := audit.Verify(dir); n != 1 || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
}
