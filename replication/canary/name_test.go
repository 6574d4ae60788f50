package canary

import (
	"path"
	"strings"
	"testing"

	"dfsd/replication"
)

func TestFileName(t *testing.T) {
	for _, c := range []struct{ host, want string }{
		{"fs1.corp.example.com", "fs1.corp.example.com"},
		{"FS1.Corp.Example.COM.", "fs1.corp.example.com"},
		{"fs_1", "fs%5f1"},
		{"ü", "%c3%bc"},
		{"100%", "100%25"},
		{"~fs1", "%7efs1"},
		{".", ""},
		{"..", "%2e"},
		{"...", "%2e%2e"},
		{".hidden", "%2ehidden"},
		{"con", "%63on"},
		{"NUL.example.com", "%6eul.example.com"},
		{"com1", "%63om1"},
		{"com10", "com10"},
		{"console", "console"},
		{strings.Repeat("a", maxName), strings.Repeat("a", maxName)},
		{strings.Repeat("a", 200), strings.Repeat("a", 146) + "%-c2a908d98f5df987ade41b5fce213067"},
	} {
		if got := FileName(c.host); got != c.want {
			t.Errorf("FileName(%q) = %q, want %q", c.host, got, c.want)
		}
	}
}

// TestNamesAreOneComponent: whatever a host is called, its file stands in the
// directory, and the filters of a new folder let it replicate.
func TestNamesAreOneComponent(t *testing.T) {
	var filters replication.FilterConfig
	filters.SetDefaults()
	seen := map[string]string{}
	for _, host := range []string{
		"a/b", `a\b`, "../x", "a\x00b", "a b", "~x", "a*", "a:b", "[fe80::1]", "\xff\xfe", "com1", "lpt9.x", "a.", "A.",
		strings.Repeat("_", 253), strings.Repeat("_", 252), strings.Repeat("ü", 120), strings.Repeat("ü", 119) + "ö",
	} {
		name := FileName(host)
		if !validFile(name) || replication.ValidName(name) != nil || name == "." || name == ".." {
			t.Errorf("FileName(%q) = %q is no name", host, name)
		}
		for _, p := range filters.Files {
			if ok, _ := path.Match(p, name); ok {
				t.Errorf("FileName(%q) = %q stays at home for %q", host, name, p)
			}
		}
		folded := strings.ToLower(strings.TrimSuffix(host, "."))
		if other, taken := seen[name]; taken && other != folded {
			t.Errorf("FileName gives %q to %q and %q", name, other, folded)
		}
		seen[name] = folded
	}
}
