package namespace

import (
	"strings"
	"testing"
)

func TestParseUNC(t *testing.T) {
	tests := []struct {
		name, s string
		want    UNC
		fault   string // part of the error; empty: none
	}{
		{name: "share", s: `\\fs1\projects`, want: `\\fs1\projects`},
		{name: "directories", s: `\\fs1.corp.example.com\data\a b\c`, want: `\\fs1.corp.example.com\data\a b\c`},
		{name: "slashes", s: "//fs1/data/a", want: `\\fs1\data\a`},
		{name: "both", s: `//fs1\data/a`, want: `\\fs1\data\a`},
		{name: "address", s: `\\10.1.0.7\data`, want: `\\10.1.0.7\data`},
		{name: "IPv6 as Windows writes it", s: `\\2001-db8--1.ipv6-literal.net\data`, want: `\\2001-db8--1.ipv6-literal.net\data`},
		{name: "hidden share", s: `\\fs1\data$`, want: `\\fs1\data$`},
		{name: "other scripts", s: `\\файлы\проекты`, want: `\\файлы\проекты`},
		{name: "longest", s: `\\h\` + strings.Repeat(`a\`, 511) + "ab", want: UNC(`\\h\` + strings.Repeat(`a\`, 511) + "ab")},
		{name: "empty", s: "", fault: "two backslashes"},
		{name: "no backslashes", s: `fs1\data`, fault: "two backslashes"},
		{name: "one backslash", s: `\fs1\data`, fault: "two backslashes"},
		{name: "three backslashes", s: `\\\fs1\data`, fault: "more than two"},
		{name: "doubled backslashes", s: `\\\\fs1\\data`, fault: "more than two"},
		{name: "nothing else", s: `\\`, fault: "no host"},
		{name: "host alone", s: `\\fs1`, fault: "no share"},
		{name: "host and backslash", s: `\\fs1\`, fault: "no share"},
		{name: "trailing backslash", s: `\\fs1\data\`, fault: "is empty"},
		{name: "empty component", s: `\\fs1\data\\a`, fault: "is empty"},
		{name: "parent", s: `\\fs1\data\..\a`, fault: "leave the tree"},
		{name: "parent of the share", s: `\\fs1\..\data`, fault: "leave the tree"},
		{name: "wildcard", s: `\\fs1\data\a*`, fault: "'*'"},
		{name: "stream", s: `\\fs1\data\a:b`, fault: "':'"},
		{name: "NUL", s: "\\\\fs1\\data\x00", fault: `'\x00'`},
		{name: "trailing dot", s: `\\fs1\data\a.`, fault: "ends in a dot"},
		{name: "device", s: `\\fs1\data\con`, fault: "reserved for a device"},
		{name: "long component", s: `\\fs1\data\` + strings.Repeat("a", 256), fault: "longer than 255"},
		{name: "long path", s: `\\h\` + strings.Repeat(`a\`, 512) + "a", fault: "longer than 1024"},
		{name: "IPv6 in brackets", s: `\\[2001:db8::1]\data`, fault: "ipv6-literal.net"},
		{name: "host with port", s: `\\fs1:445\data`, fault: "ipv6-literal.net"},
		{name: "host with blank", s: `\\fs 1\data`, fault: "holds a blank"},
		{name: "device path", s: `\\?\UNC\fs1\data`, fault: "'?'"},
		{name: "pipe path", s: `\\.\pipe\x`, fault: "leave the tree"},
		{name: "not UTF-8", s: "\\\\fs1\\data\\\xff", fault: "not valid UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseUNC(tt.s)
			checkMessage(t, "ParseUNC", tt.s, err, tt.fault)
			if got != tt.want {
				t.Errorf("ParseUNC(%q) = %q, want %q", tt.s, got, tt.want)
			}
		})
	}
}

func TestUNCParts(t *testing.T) {
	tests := []struct {
		u         UNC
		host, dir string
	}{
		{u: `\\fs1\data`, host: "fs1", dir: "data"},
		{u: `\\fs1.corp\data\a\b`, host: "fs1.corp", dir: `data\a\b`},
		{u: "", host: "", dir: ""},
		{u: `\\fs1`, host: "fs1", dir: ""},
	}
	for _, tt := range tests {
		if host, dir := tt.u.Host(), tt.u.dir(); host != tt.host || dir != tt.dir {
			t.Errorf("%q: Host() = %q, dir() = %q, want %q, %q", tt.u, host, dir, tt.host, tt.dir)
		}
	}
}

func TestUNCText(t *testing.T) {
	u := UNC(`\\old\share`)
	if err := u.UnmarshalText([]byte(`\\fs1`)); err == nil || u != `\\old\share` {
		t.Errorf(`UnmarshalText(\\fs1) = %v and %q, want an error and no change`, err, u)
	}
	if err := u.UnmarshalText([]byte("//fs1/data")); err != nil || u != `\\fs1\data` {
		t.Errorf("UnmarshalText(//fs1/data) = %v and %q", err, u)
	}
	if text, err := u.MarshalText(); err != nil || string(text) != `\\fs1\data` || u.String() != string(text) {
		t.Errorf(`MarshalText() = %q, %v, want \\fs1\data`, text, err)
	}
}

func FuzzParseUNC(f *testing.F) {
	for _, s := range []string{`\\fs1\projects`, "//fs1/data/a", `\\\\fs1\\data`, `\\fs1\data\..\a`, `\\[2001:db8::1]\data`, "\\\\h\\\xff", `\\h\con.x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseUNC(s)
		if err != nil {
			if u != "" {
				t.Fatalf("ParseUNC(%q) = %q with an error, want nothing", s, u)
			}
			return
		}
		if again, err := ParseUNC(string(u)); err != nil || again != u {
			t.Errorf("ParseUNC(%q) = %q, %v, want itself", u, again, err)
		}
		if joined := `\\` + u.Host() + `\` + u.dir(); joined != string(u) {
			t.Errorf("host and directory of %q make %q", u, joined)
		}
		for i, name := range strings.Split(string(u), `\`)[2:] {
			if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/:*?\"<>|\x00") || strings.HasSuffix(name, ".") {
				t.Errorf("component %d of %q is %q", i, u, name)
			}
		}
	})
}
