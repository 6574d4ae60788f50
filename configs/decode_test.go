package configs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"dfsd/internal/quantity"
	"dfsd/internal/smbd"
	"dfsd/namespace"
	"dfsd/replication"
	"dfsd/sites/adsites"
)

// mustParse parses text, which must be accepted.
func mustParse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse("dfsd.yaml", []byte(text))
	if err != nil {
		t.Fatalf("Parse(%q) = %v", text, err)
	}
	return f
}

func TestDefaults(t *testing.T) {
	f := mustParse(t, "version: 1\n")
	if f.Host != "" || f.DataDir != "/var/lib/dfsd" || f.Log != (Log{LevelInfo, FormatJSON}) ||
		f.Admin != (Admin{Socket: "/run/dfsd/admin.sock"}) {
		t.Errorf("defaults = %+v", f)
	}
	if f.SMB != nil || f.Sites != nil || f.Namespaces != nil || f.Replication != nil {
		t.Errorf("sections that were left out = %+v, want nil", f)
	}
}

// TestDefaultsOfSections: a section that is there has the defaults of its room,
// in lists and maps and below them as well.
func TestDefaultsOfSections(t *testing.T) {
	f := mustParse(t, `
version: 1
log: {level: debug}
smb: {}
sites:
  static:
    sites: [a, b]
    links: [{name: x, sites: [a, b]}]
  ldap: {domain: example.com}
namespaces:
  - name: public
    probe: {}
    folders: [{path: a, targets: [{path: //fs1/a}]}]
replication:
  groups:
    - name: g
      members: [{host: fs1, address: fs1:5722, key: SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU}]
      schedule: {windows: [{}]}
      folders: [{name: f, path: /srv, primary: fs1, members: {fs1: {}}}]
`)
	var smb smbd.Config
	smb.SetDefaults()
	group := f.Replication.Groups[0]
	checks := map[string]bool{
		"log":      f.Log == Log{LevelDebug, FormatJSON},
		"smb":      f.SMB.Limits == smb.Limits && len(f.SMB.Listen) == len(smb.Listen),
		"link":     f.Sites.Static.Links[0].Cost == 100 && f.Sites.Static.BridgeAll,
		"ldap":     f.Sites.LDAP.Refresh == 5*time.Minute && f.Sites.LDAP.Bind == nil && f.Sites.LDAP.TLS.Mode == adsites.LDAPS,
		"probe":    *f.Namespaces[0].Probe == namespace.ProbeConfig{Interval: 10 * time.Second, Timeout: 3 * time.Second, DownAfter: 3, UpAfter: 2, Port: 445},
		"folder":   f.Namespaces[0].TTL == 300*time.Second && f.Namespaces[0].Folders[0].TTL == 1800*time.Second,
		"target":   f.Namespaces[0].Folders[0].Targets[0] == namespace.TargetConfig{Path: `\\fs1\a`},
		"listen":   f.Replication.Listen == ":5722",
		"topology": group.Topology.IsFullMesh(),
		"window":   group.Schedule.Windows[0] == replication.WindowConfig{Days: replication.EveryDay, To: 24 * 60},
		"quota":    group.Folders[0].StagingQuota == 4*quantity.GiB && group.Folders[0].Settle == 200*time.Millisecond,
		"filters":  len(group.Folders[0].Filters.Files) == 3,
		"members":  group.Folders[0].Members["fs1"] == replication.FolderMemberConfig{},
	}
	for what, ok := range checks {
		if !ok {
			t.Errorf("defaults of %s are not those of the room", what)
		}
	}
}

// TestForms: what can be written in more than one way means the same.
func TestForms(t *testing.T) {
	const head = "version: 1\n"
	tests := []struct{ name, a, b string }{
		{
			"UNC", `namespaces: [{name: n, folders: [{path: a\b, targets: [{path: '\\fs1\data$\x'}]}]}]`,
			`namespaces: [{name: n, folders: [{path: a\b, targets: [{path: //fs1/data$/x}]}]}]`,
		},
		{
			"UNC without quotes", `namespaces: [{name: n, folders: [{path: a, targets: [{path: '\\fs1\x'}]}]}]`,
			`namespaces: [{name: n, folders: [{path: a, targets: [{path: \\fs1\x}]}]}]`,
		},
		{
			"UNC in double quotes", `namespaces: [{name: n, folders: [{path: a, targets: [{path: '\\fs1\new'}]}]}]`,
			`namespaces: [{name: n, folders: [{path: a, targets: [{path: "\\\\fs1\\new"}]}]}]`,
		},
		{"url", "sites: {ldap: {url: ldaps://dc1}}", "sites: {ldap: {url: [ldaps://dc1]}}"},
		{"duration", "smb: {limits: {idle_timeout: 90s}}", `smb: {limits: {idle_timeout: "1m30s"}}`},
		{"numbers as text", "host: 12", "host: '12'"},
		{"alias", "smb: {names: [a], listen: ['127.0.0.1:1']}\nhost: a", "smb: {names: [&x a], listen: ['127.0.0.1:1']}\nhost: *x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := show(t, mustParse(t, head+tt.a)), show(t, mustParse(t, head+tt.b))
			if a != b {
				t.Errorf("%s is\n%s\n%s is\n%s", tt.a, a, tt.b, b)
			}
		})
	}
}

// TestAliasBomb: few lines may not stand for millions of values.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("version: 1\nnamespaces:\n  - name: a\n    folders: &f\n      - {path: p, targets: &t [" + strings.Repeat(`{path: //h/s}, `, 100) + "]}\n")
	for i := range 100 {
		fmt.Fprintf(&b, "      - {path: p%d, targets: *t}\n", i)
	}
	for i := range 100 {
		fmt.Fprintf(&b, "  - {name: n%d, folders: *f}\n", i)
	}
	text := (&Error{refused(t, b.String())}).Error()
	if !strings.Contains(text, "aliases stand for more than 100000 values") {
		t.Errorf("Parse of %d bytes with aliases = %.500s", b.Len(), text)
	}
	root, _ := parseTree("dfsd.yaml", []byte(b.String()))
	if _, d := decode("dfsd.yaml", root); d.aliased > maxAliased+1_000 {
		t.Errorf("%d values decoded within aliases, want little more than %d", d.aliased, maxAliased)
	}
}

// TestAliasHoldsItself: an anchor in what it stands for does not go on for
// ever.
func TestAliasHoldsItself(t *testing.T) {
	for _, text := range []string{"a: &x [*x]", "&x version: *x", "namespaces: &x [{name: a, folders: *x}]", "&x {version: 1, sites: *x}", "smb: {names: &x [*x]}"} {
		if f, err := Parse("dfsd.yaml", []byte(text)); err == nil {
			t.Errorf("Parse(%q) = %v, want a refusal", text, f)
		}
	}
}

// TestDepth: no depth of nesting overflows the stack.
func TestDepth(t *testing.T) {
	for _, unit := range []string{"[", "{a: ", "- ", "? ", "a:\n"} {
		for _, n := range []int{100, 1_000, 12_000} {
			if _, err := Parse("dfsd.yaml", []byte(strings.Repeat(unit, n))); err == nil {
				t.Errorf("%d times %q accepted", n, unit)
			}
		}
	}
}

func TestFind(t *testing.T) {
	var doc yaml.Node
	err := yaml.Unmarshal([]byte(`a:
  - b: 1
    c: &c {d: 2}
  - e: *c
members:
  fs1: {path: x}
  fs1.example: {path: y}
  fs1.example.com: {path: z}
`), &doc)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		path         string
		line, column int
		name         string
	}{
		{"", 1, 1, ""},
		{"a", 2, 3, "a"},
		{"a[0]", 2, 5, "a[0]"},
		{"a[0].b", 2, 8, "b"},
		{"a[0].c.d", 3, 15, "d"},
		{"a[1].e.d", 3, 15, "d"},
		{"a[1].e", 4, 8, "e"},
		{"a[0].missing", 2, 5, "missing"},
		{"a[0].c.missing[3].x", 3, 8, "missing[3].x"},
		{"a[7]", 2, 3, "[7]"},
		{"a[0].b.c", 2, 8, "c"},
		{"a[x]", 2, 3, "[x]"},
		{"members.fs1.path", 6, 15, "path"},
		{"members.fs1.example.path", 7, 23, "path"},
		{"members.fs1.example.com.path", 8, 27, "path"},
		{"members.fs1.example.com", 8, 20, "fs1.example.com"},
		{"members.fs1.example.org", 7, 16, "org"},
		{"none", 1, 1, "none"},
	}
	for _, tt := range tests {
		n, name := find(doc.Content[0], tt.path)
		if n.Line != tt.line || n.Column != tt.column || name != tt.name {
			t.Errorf("find(%q) = %d:%d %q, want %d:%d %q", tt.path, n.Line, n.Column, name, tt.line, tt.column, tt.name)
		}
	}
}

// TestWords: the enumerations of all rooms, as messages and the schema list
// them. A type that is none is not taken for one.
func TestWords(t *testing.T) {
	want := map[string]string{
		"log.level":                                 "debug, info, warn or error",
		"log.format":                                "json or console",
		"smb.signing":                               "required or enabled",
		"smb.encryption":                            "enabled, required or off",
		"sites.ldap.tls.mode":                       "ldaps, starttls or off",
		"sites.ldap.bind.method":                    "simple or gssapi",
		"namespaces[].type":                         "standalone or domain",
		"namespaces[].ordering":                     "site-cost or random",
		"namespaces[].state":                        "online or offline",
		"namespaces[].folders[].state":              "online or offline",
		"namespaces[].folders[].targets[].state":    "online or offline",
		"namespaces[].folders[].targets[].priority": "site-cost-normal, global-high, site-cost-high, site-cost-low or global-low",
		"replication.groups[].schedule.timezone":    "utc or local",
	}
	l := newLayouts()
	for _, k := range walkKeys(l) {
		words := l.wordsOf(k.owner.Field(k.field.index).Type)
		if got := alternatives(words); got != want[k.path] {
			t.Errorf("words of %s = %q, want %q", k.path, got, want[k.path])
		}
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"listen", "names", "signing", "users_file", "ttl", "state", "warn"}
	for word, want := range map[string]string{
		"listen": "listen", "litsen": "listen", "listne": "listen", "Listen": "listen", "isten": "listen", "listens": "listen",
		"name": "names", "singing": "signing", "user_file": "users_file", "users": "users_file", "tl": "ttl", "tttl": "ttl",
		"status": "state", "warning": "warn", "x": "", "": "", "encryption": "", "ü": "", "li": "",
	} {
		if got, ok := nearest(word, keys); got != want || ok != (want != "") {
			t.Errorf("nearest(%q) = %q, %v, want %q", word, got, ok, want)
		}
	}
}

// TestDistanceTwin holds distance against the definition, letter by letter.
func TestDistanceTwin(t *testing.T) {
	var slow func(a, b string) int
	slow = func(a, b string) int {
		if a == "" || b == "" {
			return len(a) + len(b)
		}
		least := min(slow(a[1:], b)+1, slow(a, b[1:])+1)
		if a[0] == b[0] {
			least = min(least, slow(a[1:], b[1:]))
		} else {
			least = min(least, slow(a[1:], b[1:])+1)
		}
		if len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] {
			least = min(least, slow(a[2:], b[2:])+1)
		}
		return least
	}
	var words []string
	for n := range 3 * 3 * 3 * 3 {
		words = append(words, string("abc"[n%3])+string("abc"[n/3%3])+string("abc"[n/9%3])+string("abc"[n/27]), string("abc"[n%3])+string("abc"[n/3%3]))
	}
	for _, a := range words {
		for _, b := range words {
			if got, want := distance(a, b, 10), slow(a, b); got != want {
				t.Fatalf("distance(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
}
