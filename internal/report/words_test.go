package report

import (
	"encoding/json"
	"math"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"dfsd/replication/status"
)

func TestNumbers(t *testing.T) {
	tests := []struct{ got, want string }{
		{counted(1, "file"), "1 file"},
		{counted(0, "file"), "0 files"},
		{percent(3, 12045), "less than 0.1 %"},
		{percent(0, 5), "0.0 %"},
		{percent(11, 1000), "1.1 %"},
		{percent(3, 2), "150 %"},
		{percent(1, 0), "all"},
		{of(2, 214, "folder"), "2 of 214 folders"},
		{of(1, 1, "folder"), "the only folder"},
		{of(3, 3, "folder"), "all 3 folders"},
		{millis(0.0124), "12 ms"},
		{millis(2.5), "2.5 s"},
		{millis(90), "1 min 30 s"},
		{millis(math.NaN()), "-"},
	}
	for i, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%d: %q, want %q", i, tt.got, tt.want)
		}
	}
}

func TestArgument(t *testing.T) {
	tests := []struct{ given, want string }{
		{"branch/projects", "branch/projects"},
		{`\\h\public\a b`, `'\\h\public\a b'`},
		{"it's; rm -rf /", `'it'\''s; rm -rf /'`},
		{"$(id)", "'$(id)'"},
		{"", "''"},
		{"grüße", "'grüße'"},
	}
	for _, tt := range tests {
		if got := argument(tt.given); got != tt.want {
			t.Errorf("argument(%q) = %s, want %s", tt.given, got, tt.want)
		}
	}
}

func TestVisible(t *testing.T) {
	tests := []struct{ given, want string }{
		{"plain", "plain"},
		{"a\u202eb", "a⟨U+202E⟩b"},
		{"a\x00\x7f\u0085\u2028\ufeff\u200b", "a⟨U+0000⟩⟨U+007F⟩⟨U+0085⟩⟨U+2028⟩⟨U+FEFF⟩⟨U+200B⟩"},
		{"a\xffb", "a⟨FF⟩b"},
		{"\ufffd", "\ufffd"},
		{"👩\u200d👧 می\u200cخواهم", "👩\u200d👧 می\u200cخواهم"},
	}
	for _, tt := range tests {
		if got := visible(tt.given); got != tt.want {
			t.Errorf("visible(%q) = %q, want %q", tt.given, got, tt.want)
		}
	}
	if got, want := sentence("a\r\nb\n"), "a; b"; got != want {
		t.Errorf("sentence = %q, want %q", got, want)
	}
	if got := sentence(strings.Repeat("ü", 601)); got != strings.Repeat("ü", 600)+"…" {
		t.Errorf("a sentence of 601 letters comes out as %d bytes", len(got))
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("a\u202e\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := visible(s)
		if strings.IndexFunc(got, unseen) >= 0 || visible(got) != got {
			t.Errorf("visible(%q) = %q", s, got)
		}
	})
}

func TestInScope(t *testing.T) {
	const path = `public\projects`
	tests := []struct {
		scope string
		want  bool
	}{
		{`\\*\public\projects`, true},
		{`\\fs1\Public\PROJECTS`, true},
		{`//fs1/public/projects`, true},
		{`public\projects`, true},
		{`\\fs1\public`, true},
		{"public", true},
		{"", true},
		{`\\*\public\proj`, false},
		{`\\*\public\projects\a`, false},
		{`\\*\private\projects`, false},
		{`pub`, false},
	}
	for _, tt := range tests {
		if got := inScope(tt.scope, path); got != tt.want {
			t.Errorf("inScope(%q, %q) = %v, want %v", tt.scope, path, got, tt.want)
		}
	}
}

// Both ends tell of a connection; what comes of it.
func TestConnections(t *testing.T) {
	word := func(host string, heard float64, c status.Connection) MemberFacts {
		c.From, c.To = "a", "b"
		return MemberFacts{Host: host, Self: host == "self", HeardSeconds: heard, Folders: []status.Folder{{Group: "g", Folder: "f", Connections: []status.Connection{c}}}}
	}
	connected := func(files int64, oldest float64) status.Connection {
		return status.Connection{State: status.Connected, BacklogFiles: files, OldestSeconds: oldest}
	}
	tests := []struct {
		name   string
		words  []MemberFacts
		state  status.ConnectionState
		files  int64
		oldest float64
		age    float64
		fresh  bool
	}{
		{"one word", []MemberFacts{word("self", 0, connected(3, 9))}, status.Connected, 3, 9, 0, true},
		{"both fresh: the worse", []MemberFacts{word("self", 0, connected(3, 900)), word("b", 8, connected(7, 10))}, status.Connected, 7, 900, 8, true},
		{"one stale: the fresh", []MemberFacts{word("a", 31, connected(3, 900)), word("b", 8, connected(7, 10))}, status.Connected, 7, 10, 8, true},
		{"both stale: the fresher", []MemberFacts{word("a", 300, connected(3, 900)), word("b", 80, connected(7, 10))}, status.Connected, 7, 10, 80, false},
		{"one is not connected", []MemberFacts{word("self", 0, connected(0, 0)), word("b", 8, status.Connection{State: status.Connecting})}, status.Connecting, 0, 0, 8, true},
		{"a pause explains", []MemberFacts{word("self", 0, status.Connection{State: status.Connecting}), word("b", 8, status.Connection{State: status.ConnectionPaused})}, status.ConnectionPaused, 0, 0, 8, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &Facts{At: noon, Members: tt.words}
			for range 2 { // in either order
				got := connections(f, 0)
				if len(got) != 1 || got[0].State != tt.state || got[0].BacklogFiles != tt.files || got[0].OldestSeconds != tt.oldest || got[0].age != tt.age || got[0].fresh != tt.fresh {
					t.Errorf("connections = %+v, want one %s, %d files, %v s, word of %v s, fresh %v", got, tt.state, tt.files, tt.oldest, tt.age, tt.fresh)
				}
				if len(f.Members) == 2 {
					f.Members[0], f.Members[1] = f.Members[1], f.Members[0]
				}
			}
		})
	}
}

// A terminal is shown the worst findings, and told of the rest.
func TestTextIsBounded(t *testing.T) {
	f := wellFacts()
	for i := range 30 {
		decide(f, DecisionFacts{Kind: "offline", Target: `\\h\` + strings.Repeat("x", i+1), At: noon})
	}
	var b strings.Builder
	if err := Judge(f, noon).Text(&b); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n  next: "); n != textFindings || !strings.HasSuffix(b.String(), "\nand 10 more: dfsd report health\n") {
		t.Errorf("%d findings in the text, want %d, and the rest counted:\n%s", n, textFindings, b.String())
	}
}

func TestPlus(t *testing.T) {
	for _, tt := range []struct{ a, b, want int64 }{{1, 2, 3}, {math.MaxInt64, 1, math.MaxInt64}, {-5, 2, 2}, {math.MaxInt64, math.MinInt64, math.MaxInt64}} {
		if got := plus(tt.a, tt.b); got != tt.want {
			t.Errorf("plus(%d, %d) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

// The facts travel as JSON: every field has its name there, and comes back.
func TestJSON(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var check func(reflect.Type)
	check = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			check(typ.Elem())
		case reflect.Struct:
			if seen[typ] || typ.PkgPath() != reflect.TypeFor[Facts]().PkgPath() {
				return
			}
			seen[typ] = true
			for i := range typ.NumField() {
				field := typ.Field(i)
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(name) {
					t.Errorf("%s.%s is called %q in JSON", typ.Name(), field.Name, name)
				}
				check(field.Type)
			}
		}
	}
	check(reflect.TypeFor[Facts]())
	check(reflect.TypeFor[Status]())
	f := troubledFacts()
	f.Isolated = &IsolatedFacts{Since: noon}
	var back Facts
	if err := json.Unmarshal([]byte(asJSON(t, f)), &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&back, f) {
		t.Errorf("facts come back as %+v, want %+v", back, *f)
	}
}
