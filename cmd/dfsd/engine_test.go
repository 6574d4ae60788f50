package main

import (
	"errors"
	"fmt"
	"testing"

	"dfsd/internal/admin"
	"dfsd/replication/engine"
)

func TestEntryID(t *testing.T) {
	for typed, want := range map[string]string{
		"2": "0000000000000002", "4F": "000000000000004f", "0000000000000002": "0000000000000002", "00000000000000002": "00000000000000002",
	} {
		if got := entryID(typed); got != want {
			t.Errorf("entryID(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestMeaning(t *testing.T) {
	err := meaning(fmt.Errorf("%w: %q", engine.ErrUnknownFolder, "no/pe"))
	if want := `no such replicated folder on this host: "no/pe"`; err.Error() != want {
		t.Errorf("it is told as %q, want %q", err, want)
	}
	if !errors.Is(err, admin.ErrUnknownFolder) || !errors.Is(err, admin.ErrNotFound) || !errors.Is(err, engine.ErrUnknownFolder) {
		t.Errorf("%v has lost what it is", err)
	}
}
