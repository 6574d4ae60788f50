package smbauth

import (
	"strings"
	"testing"
)

func TestUsersLookup(t *testing.T) {
	alice, decoy := NTHash("a"), NTHash("decoy")
	u, err := NewUsers(map[string]Hash{"Alice": alice, "Ωmega": NTHash("o")})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		table *Users
		name  string
		want  string
	}{
		{table: u, name: "alice", want: "Alice"},
		{table: u, name: "ALICE", want: "Alice"},
		{table: u, name: "ωMEGA", want: "Ωmega"},
		{table: u, name: "alice "},
		{table: u, name: ""},
		{table: nil, name: "alice"},
	}
	for _, tt := range tests {
		got, hash, known := tt.table.lookup(tt.name, decoy)
		if got != tt.want || known != (tt.want != "") || !known && hash != decoy {
			t.Errorf("lookup(%q) = %q, %v, want %q", tt.name, got, known, tt.want)
		}
	}
	if got := u.Len(); got != 2 {
		t.Errorf("Len() = %d, want 2", got)
	}
	if got := (*Users)(nil).Len(); got != 0 {
		t.Errorf("Len() of nil = %d, want 0", got)
	}
	if _, err := NewUsers(map[string]Hash{"alice": alice, "ALICE": alice}); err == nil {
		t.Error("NewUsers takes two names that differ in case alone")
	}
}

func TestCheckUserName(t *testing.T) {
	tests := []struct {
		name string
		ok   bool
	}{
		{name: "alice", ok: true},
		{name: "Jürgen Müller", ok: true},
		{name: "svc-backup_1.x", ok: true},
		{name: "FILES$", ok: true},
		{name: "123", ok: true},
		{name: strings.Repeat("ü", maxUserName), ok: true},
		{name: ""},
		{name: " alice"},
		{name: "alice\u00a0"},
		{name: ".."},
		{name: "a\nb"},
		{name: "a\x00"},
		{name: "CORP\\alice"},
		{name: "alice@corp"},
		{name: "a\"b"},
		{name: "\xff"},
		{name: strings.Repeat("x", maxUserName+1)},
	}
	for _, tt := range tests {
		if err := CheckUserName(tt.name); (err == nil) != tt.ok {
			t.Errorf("CheckUserName(%q) = %v, want ok = %v", tt.name, err, tt.ok)
		}
	}
}
