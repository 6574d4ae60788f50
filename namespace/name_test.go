package namespace

import (
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	tests := []struct {
		name, s string
		want    string // part of the error; empty: none
	}{
		{name: "plain", s: "projects-2026_v1.2"},
		{name: "short", s: "a"},
		{name: "blanks inside", s: "Project files"},
		{name: "leading blank", s: " a"},
		{name: "leading dot", s: ".profile"},
		{name: "marks", s: "a+b,c;d=e[f]{g}(h)!@#$%^&'`~"},
		{name: "other scripts", s: "проекты-项目-é"},
		{name: "outside the plane", s: "😀"},
		{name: "longest", s: strings.Repeat("a", 255)},
		{name: "longest in bytes", s: strings.Repeat("项", 255)},
		{name: "empty", s: "", want: "is empty"},
		{name: "this folder", s: ".", want: "leave the tree"},
		{name: "parent", s: "..", want: "leave the tree"},
		{name: "three dots", s: "...", want: "ends in a dot"},
		{name: "too long", s: strings.Repeat("a", 256), want: "longer than 255"},
		{name: "too long in code units", s: strings.Repeat("😀", 128), want: "longer than 255"},
		{name: "trailing dot", s: "project-files.", want: "ends in a dot or a space"},
		{name: "trailing dot, short", s: "a.", want: "ends in a dot or a space"},
		{name: "trailing space", s: "project files ", want: "ends in a dot or a space"},
		{name: "slash", s: "project/files", want: "'/'"},
		{name: "backslash", s: `project\files`, want: `'\\'`},
		{name: "stream", s: "projects:x", want: "':'"},
		{name: "star", s: "projects*", want: "'*'"},
		{name: "question mark", s: "a?", want: "'?'"},
		{name: "quote", s: `a"b`, want: `'"'`},
		{name: "less", s: "a<b", want: "'<'"},
		{name: "greater", s: "a>b", want: "'>'"},
		{name: "pipe", s: "a|b", want: "'|'"},
		{name: "NUL", s: "projects\x00", want: `'\x00'`},
		{name: "tab", s: "a\tb", want: `'\t'`},
		{name: "delete", s: "a\x7f", want: `'\x7f'`},
		{name: "next line", s: "a\u0085b", want: `'\u0085'`},
		{name: "not UTF-8", s: "a\xffb", want: "not valid UTF-8"},
		{name: "device", s: "con", want: "reserved for a device"},
		{name: "device with extension", s: "NUL.tar.gz", want: "reserved for a device"},
		{name: "device with blank", s: "Aux .txt", want: "reserved for a device"},
		{name: "serial port", s: "com1", want: "reserved for a device"},
		{name: "printer port", s: "LPT9.x", want: "reserved for a device"},
		{name: "superscript port", s: "Com²", want: "reserved for a device"},
		{name: "console", s: "conIN$", want: "reserved for a device"},
		{name: "clock", s: "clock$", want: "reserved for a device"},
		{name: "no device", s: "console"},
		{name: "no port", s: "com"},
		{name: "port of two digits", s: "com10"},
		{name: "printers", s: "lptx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkMessage(t, "checkName", tt.s, checkName(tt.s), tt.want)
		})
	}
}

func TestCheckShare(t *testing.T) {
	tests := []struct {
		name, s string
		want    string
	}{
		{name: "plain", s: "public"},
		{name: "hidden", s: "public$"},
		{name: "blank inside", s: "public files"},
		{name: "two letters and dollar", s: "cd$"},
		{name: "longest", s: strings.Repeat("a", 80)},
		{name: "too long", s: strings.Repeat("a", 81), want: "80 characters"},
		{name: "too long in code units", s: strings.Repeat("😀", 41), want: "80 characters"},
		{name: "no file name either", s: "a/b", want: "'/'"},
		{name: "bracket", s: "a[b", want: "'['"},
		{name: "plus", s: "a+b", want: "'+'"},
		{name: "equals", s: "a=b", want: "'='"},
		{name: "semicolon", s: "a;b", want: "';'"},
		{name: "comma", s: "a,b", want: "','"},
		{name: "pipes", s: "ipc$", want: "servers make themselves"},
		{name: "domain controllers", s: "SysVol", want: "servers make themselves"},
		{name: "logon scripts", s: "netlogon", want: "servers make themselves"},
		{name: "Windows", s: "Admin$", want: "servers make themselves"},
		{name: "printer drivers", s: "print$", want: "servers make themselves"},
		{name: "drive", s: "c$", want: "servers make themselves"},
		{name: "named pipes", s: "pipe", want: "servers make themselves"},
		{name: "mailslots", s: "MailSlot", want: "servers make themselves"},
		{name: "device", s: "nul", want: "reserved for a device"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkMessage(t, "checkShare", tt.s, checkShare(tt.s), tt.want)
		})
	}
}

func TestCleanPath(t *testing.T) {
	tests := []struct {
		name, s, path string
		want          string
	}{
		{name: "one", s: "projects", path: "projects"},
		{name: "three", s: `a\b\c`, path: `a\b\c`},
		{name: "slashes", s: "a/b/c", path: `a\b\c`},
		{name: "longest", s: strings.Repeat(`a\`, 511) + "ab", path: strings.Repeat(`a\`, 511) + "ab"},
		{name: "empty", want: "missing"},
		{name: "leading backslash", s: `\a`, want: "begins or ends in a backslash"},
		{name: "trailing slash", s: "a/", want: "begins or ends in a backslash"},
		{name: "UNC", s: `\\host\public\a`, want: "begins or ends in a backslash"},
		{name: "nothing between", s: `a\\b`, want: "between backslashes is empty"},
		{name: "parent", s: `a\..\b`, want: "leave the tree"},
		{name: "last is bad", s: `a\b\c?`, want: "'?'"},
		{name: "too long", s: strings.Repeat(`a\`, 512) + "a", want: "longer than 1024"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path, err := cleanPath(tt.s)
			checkMessage(t, "cleanPath", tt.s, err, tt.want)
			if err == nil && path != tt.path {
				t.Errorf("cleanPath(%q) = %q, want %q", tt.s, path, tt.path)
			}
		})
	}
}

func TestCheckText(t *testing.T) {
	tests := []struct{ name, s, want string }{
		{name: "empty"},
		{name: "lines", s: "Project files\nof the company"},
		{name: "longest", s: strings.Repeat("项", 1024)},
		{name: "too long", s: strings.Repeat("a", 1025), want: "longer than 1024"},
		{name: "NUL", s: "a\x00", want: "NUL"},
		{name: "not UTF-8", s: "a\xff", want: "not valid UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkMessage(t, "checkText", tt.s, checkText(tt.s), tt.want)
		})
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	for _, s := range []string{`data\dept001\project-0000001`, `a\Straße\COM`, "x"} {
		if n := testing.AllocsPerRun(100, func() { _ = checkPath(s) }); n != 0 {
			t.Errorf("checkPath(%q) allocates %v times, want 0", s, n)
		}
	}
}

// checkMessage compares err with a part of its message, empty for no error.
func checkMessage(t *testing.T, fn, arg string, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("%s(%q) = nil, want %q", fn, arg, want)
	case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
		t.Errorf("%s(%q) = %q, want %q", fn, arg, err, want)
	}
}
