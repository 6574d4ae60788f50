package journal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestOwnChanges: what this process does is not told where it can be told apart,
// but for what it says itself.
func TestOwnChanges(t *testing.T) {
	for _, tt := range []struct {
		mode Mode
		own  int
		want []Hint // after Changed alone
	}{
		{Fanotify, os.Getpid(), []Hint{{Dir: ".", Name: "told", Deep: true}}},
		{Fanotify, 0, nil},
		{Inotify, os.Getpid(), nil},
		{Scan, os.Getpid(), nil},
	} {
		t.Run(string(tt.mode), func(t *testing.T) {
			dir := t.TempDir()
			j, err := Open(Options{Path: dir, Mode: tt.mode, Own: tt.own, Settle: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			if j.Mode() != tt.mode {
				t.Skipf("%s does not work here", tt.mode)
			}
			j.Changed(".", "told")
			if got := soon(t, j, tt.want != nil); !slices.Equal(got, tt.want) {
				t.Errorf("told %v, want %v", got, tt.want)
			}
			if tt.own == 0 || tt.mode != Fanotify {
				return
			}
			if err := os.WriteFile(filepath.Join(dir, "untold"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if got := soon(t, j, false); got != nil {
				t.Errorf("of its own change it is told %v", got)
			}
		})
	}
}

// soon returns what is told, and nil for nothing: within a moment, or where something
// is to come within a minute.
func soon(t *testing.T, j *Journal, comes bool) []Hint {
	t.Helper()
	patience := 200 * time.Millisecond
	if comes {
		patience = time.Minute
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	hints, err := j.Next(ctx)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	return hints
}
