package fscc

import (
	"strings"
	"testing"
)

func TestValidName(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want bool
	}{
		{"plain", "projects", true},
		{"space and dots", " a.b.c ", true},
		{"beyond the BMP", "𝄞", true},
		{"right-to-left override", "a\u202Eb", true},
		{"255 units", strings.Repeat("x", 255), true},
		{"256 units", strings.Repeat("x", 256), false},
		{"254 units and a pair", strings.Repeat("x", 254) + "𝄞", false},
		{"255 units in 765 bytes", strings.Repeat("€", 255), true},
		{"empty", "", false},
		{"NUL", "a\x00b", false},
		{"control", "a\x1Fb", false},
		{"star", "a*", false},
		{"question", "?", false},
		{"quote", `"`, false},
		{"less", "<", false},
		{"greater", ">", false},
		{"bar", "|", false},
		{"slash", "a/b", false},
		{"backslash", `a\b`, false},
		{"stream", "a:b", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ValidName(tt.in); got != tt.want {
				t.Errorf("ValidName(%q) = %v, want %v", tt.in, got, tt.want)
			}
		})
	}
}

// TestIsDevice: the list of [MS-SMB2] 3.3.5.9, product behaviour note 304.
func TestIsDevice(t *testing.T) {
	tests := []struct {
		in   string
		want bool
	}{
		{"CON", true},
		{"con", true},
		{"Prn", true},
		{"AUX", true},
		{"nul", true},
		{"CLOCK$", true},
		{"COM1", true},
		{"com9", true},
		{"LPT1", true},
		{"lPt9", true},
		{"COM0", false},
		{"COM", false},
		{"COM10", false},
		{"LPT", false},
		{"CONSOLE", false},
		{"con.txt", false},
		{"clock", false},
		{"", false},
	}
	for _, tt := range tests {
		if got := IsDevice(tt.in); got != tt.want {
			t.Errorf("IsDevice(%q) = %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestIsDots(t *testing.T) {
	for in, want := range map[string]bool{".": true, "..": true, "": false, "...": false, ".a": false} {
		if got := IsDots(in); got != want {
			t.Errorf("IsDots(%q) = %v, want %v", in, got, want)
		}
	}
}
