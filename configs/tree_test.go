package configs

import (
	"errors"
	"strings"
	"testing"
)

// refused parses text, which must be refused, and returns the faults.
func refused(t *testing.T, text string) []Fault {
	t.Helper()
	f, err := Parse("dfsd.yaml", []byte(text))
	var refusal *Error
	if !errors.As(err, &refusal) || f != nil || len(refusal.Faults) == 0 {
		t.Fatalf("Parse(%q) = %v, %v, want a refusal", text, f, err)
	}
	return refusal.Faults
}

// TestSyntax: the place of a syntax error is where it stands, not where the
// mapping around it began.
func TestSyntax(t *testing.T) {
	const (
		tab     = "not YAML: a tab cannot indent; use spaces"
		escape  = "not YAML: in double quotes a backslash begins an escape; write UNC paths in single quotes or none"
		quote   = "not YAML: this quote is never closed"
		star    = "not YAML: text that begins with * or & must stand in quotes"
		anchor  = "not YAML: text that begins with * must stand in quotes; as an alias it has no anchor above it"
		mapping = `not YAML: a key cannot stand here; check the indentation, and quote text that holds ": "`
		missing = "not YAML: a value is missing here, or text within { } or [ ] needs quotes"
		goOn    = "not YAML: this does not go on with the mapping that it stands in; check the indentation"
	)
	tests := []struct{ name, text, want string }{
		{"tab", "version: 1\nsmb:\n\tlisten: x\n", "3:1: " + tab},
		{"tab first", "\tversion: 1\n", "1:1: " + tab},
		{"tab after blank", "smb:\n  guest: true\n \tsigning: x\n", "3:2: " + tab},
		{"tab with carriage returns", "version: 1\r\nsmb:\r\n\tguest: true\r\n", "3:1: " + tab},
		{"at", "version: 1\nhost: @x\nlog: {}\n", "2:7: not YAML: a value cannot begin with '@'; put the text in single quotes"},
		{"backtick", "version: 1\nhost: `x`\n", "2:7: not YAML: a value cannot begin with '`'; put the text in single quotes"},
		{"percent", "version: 1\nhost: %x\n", "2:7: not YAML: a value cannot begin with '%'; put the text in single quotes"},
		{"escape", "version: 1\nhost: \"\\\\fs1\\projects\"\nlog: {}\n", "2:13: " + escape},
		{"hexadecimal escape", "version: 1\nhost: \"\\\\fs1\\xray\"\n", "2:14: " + escape},
		{"single quote", "version: 1\nhost: 'fs1\nlog: {}\n", "2:7: " + quote},
		{"double quote", "version: 1\nhost: \"fs1\nlog: {}\n", "2:7: " + quote},
		{"quote on the first line", "host: 'fs1\nversion: 1\nlog: {}\n", "1:7: " + quote},
		{"two colons", "version: 1\nhost: a: b\nlog: {}\n", "2:7: " + mapping},
		{"deeper", "version: 1\n  host: a\nlog: {}\n", "2:3: " + mapping},
		{"shallower", "smb:\n    guest: true\n  keytab: a\nlog: {}\n", "3:3: " + goOn},
		{"list in a mapping", "version: 1\n- host\n", "2:1: " + goOn},
		{"text behind a quote", "version: 1\nhost: 'a' b\n", "2:11: " + goOn},
		{"mapping in a list", "smb:\n  listen:\n  - a\n   b: c\n", "4:4: " + mapping},
		{"list goes on", "namespaces:\n  - name: a\n    folders: []\n   x: y\n", "4:4: not YAML: this does not go on with the list that it stands in; check the indentation"},
		{"no colon", "version: 1\nhost\nlog: {}\n", "2:1: not YAML: a key without a value; want key: value"},
		{"bracket", "smb:\n  listen: [a, b\nversion: 1\n", "2:15: not YAML: a list within [ ] is not closed, or lacks a comma"},
		{"brace", "log: {level: info\nversion: 1\n", "1:7: not YAML: a mapping within { } is not closed, or lacks a comma"},
		{"stray brace", "version: 1\nhost: }\n", "2:7: " + missing},
		{"prefix in a mapping", "version: 1\nsites: {prefix: ::/0}\n", "2:9: " + missing},
		{"pattern", "version: 1\nx: [~*, *.bak]\n", "2:9: " + star},
		{"alias", "version: 1\nx: *bak\n", "2:4: " + anchor},
		{"control character", "version: 1\nhost: a\x01b\n", "2:8: not YAML: control characters are not allowed"},
		{"second document", "version: 1\n---\nhost: {\n", "3:7: " + missing},
		{"columns in characters", "version: 1\nhost: {ä: ü, ö: @}\n", "2:17: not YAML: a value cannot begin with '@'; put the text in single quotes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			faults := refused(t, tt.text)
			if got := faults[0].String(); len(faults) != 1 || got != "dfsd.yaml:"+tt.want {
				t.Errorf("Parse(%q) = %v, want dfsd.yaml:%s", tt.text, faults, tt.want)
			}
		})
	}
}

// TestSyntaxFarDown: the search for the place does not depend on how much
// stands above it.
func TestSyntaxFarDown(t *testing.T) {
	for _, lines := range []int{0, 1, 2, 7, 1000, 20_000} {
		text := strings.Repeat("# a comment\n", lines) + "version: 1\nhost: @x\n" + strings.Repeat("# more\n", 10)
		f := refused(t, text)[0]
		if f.Line != lines+2 || f.Column != 7 {
			t.Errorf("%d lines above: %v, want line %d, column 7", lines, f, lines+2)
		}
	}
}

func TestDocuments(t *testing.T) {
	const empty = "dfsd.yaml:1:1: the file is empty; it begins with version: 1"
	tests := []struct{ name, text, want string }{
		{"empty", "", empty},
		{"comment", "# nothing\n", empty},
		{"marker", "---\n", empty},
		{"second", "version: 1\n---\nhost: a\n", "dfsd.yaml:2:1: a second document begins here; a file holds one"},
		{"end and second", "version: 1\n...\n---\n# and\nhost: a\n", "dfsd.yaml:3:1: a second document begins here; a file holds one"},
		{"list", "- version: 1\n", "dfsd.yaml:1:1: want a mapping (key: value), not a list"},
		{"text", "version\n", `dfsd.yaml:1:1: want a mapping (key: value), not "version"`},
		{
			"another file", "root:x:0:0:root:/root:/bin/bash\nadmin:x:1:1:the passphrase is sesame\n",
			`dfsd.yaml:1:1: want a mapping (key: value), not "root:x:0:0:root:/root:/bin/bash admin:x:1:1:the passphrase i"…`,
		},
		{"Latin-1", "version: 1\nhost: f\xfcr\n", "dfsd.yaml:2:8: byte 0xfc is not UTF-8; save the file as UTF-8"},
		{"after ümlaut", "# ü\n#ü\xff\n", "dfsd.yaml:2:3: byte 0xff is not UTF-8; save the file as UTF-8"},
		{"UTF-16", "\xff\xfev\x00", "dfsd.yaml:1:1: byte 0xff is not UTF-8; save the file as UTF-8"},
		{"next version", "version: 2\nhots: new\n", "dfsd.yaml:1:10: version: 2 is not known; this program reads version 1"},
		{"no version", "host: a\n", "dfsd.yaml:1:1: version: missing; the file begins with version: 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (&Error{refused(t, tt.text)}).Error(); got != tt.want {
				t.Errorf("Parse(%q) =\n%s\nwant\n%s", tt.text, got, tt.want)
			}
		})
	}
	for _, text := range []string{"version: 1\n", "---\nversion: 1\n", "version: 1\n...\n", "\ufeffversion: 1\n", "version: 1", "{version: 1}", "version: 1\r\nhost: a\r\n"} {
		if f, err := Parse("dfsd.yaml", []byte(text)); err != nil || f.Version != 1 {
			t.Errorf("Parse(%q) = %v, %v, want a file", text, f, err)
		}
	}
}

func TestTooLong(t *testing.T) {
	b := make([]byte, maxBytes+1)
	_, err := Parse("dfsd.yaml", b)
	if err == nil || err.Error() != "dfsd.yaml: longer than 64 MiB" {
		t.Errorf("Parse of %d bytes = %v", len(b), err)
	}
}
