package namespace

import (
	"encoding"
	"fmt"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// enum is a pointer to one of the types that the configuration names.
type enum interface {
	fmt.Stringer
	encoding.TextMarshaler
	encoding.TextUnmarshaler
}

func TestEnums(t *testing.T) {
	tests := []struct {
		name  string
		value enum
		code  func(enum) uint8
		want  []string
	}{
		{name: "Type", value: new(Type), code: func(e enum) uint8 { return uint8(*e.(*Type)) }, want: []string{"standalone", "domain"}},
		{name: "Ordering", value: new(Ordering), code: func(e enum) uint8 { return uint8(*e.(*Ordering)) }, want: []string{"site-cost", "random"}},
		{name: "State", value: new(State), code: func(e enum) uint8 { return uint8(*e.(*State)) }, want: []string{"online", "offline"}},
		{
			name: "Class", value: new(Class), code: func(e enum) uint8 { return uint8(*e.(*Class)) },
			want: []string{"site-cost-normal", "global-high", "site-cost-high", "site-cost-low", "global-low"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for code, name := range tt.want {
				if err := tt.value.UnmarshalText([]byte(name)); err != nil || tt.code(tt.value) != uint8(code) {
					t.Errorf("UnmarshalText(%q) = %d, %v, want %d", name, tt.code(tt.value), err, code)
				}
				if text, err := tt.value.MarshalText(); err != nil || string(text) != name || tt.value.String() != name {
					t.Errorf("MarshalText() = %q, %v, String() = %q, want %q", text, err, tt.value, name)
				}
			}
			last := tt.code(tt.value)
			for _, name := range []string{"", "Online", "site cost", tt.want[0] + " ", tt.want[0][1:]} {
				err := tt.value.UnmarshalText([]byte(name))
				if err == nil || !strings.Contains(err.Error(), strings.Join(tt.want, ", ")) {
					t.Errorf("UnmarshalText(%q) = %v, want an error that names %v", name, err, tt.want)
				}
			}
			if tt.code(tt.value) != last {
				t.Errorf("UnmarshalText changed the value to %d with an error, want %d", tt.code(tt.value), last)
			}
		})
	}
}

func TestEnumOutOfRange(t *testing.T) {
	if got, want := Class(9).String(), "namespace.Class(9)"; got != want {
		t.Errorf("Class(9).String() = %q, want %q", got, want)
	}
	if text, err := Class(9).MarshalText(); err == nil {
		t.Errorf("Class(9).MarshalText() = %q, want an error", text)
	}
}

func TestConfigYAML(t *testing.T) {
	const text = `
name: public
type: domain
ordering: random
state: offline
folders:
  - path: a\b
    state: offline
    targets:
      - {path: //fs1/share/dir, priority: global-low, rank: 31, state: offline}
`
	var c Config
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	f := c.Folders[0]
	if c.Type != Domain || c.Ordering != Random || c.State != Offline || f.State != Offline {
		t.Errorf("Unmarshal = %+v, want domain, random, offline", c)
	}
	want := TargetConfig{Path: `\\fs1\share\dir`, Priority: GlobalLow, Rank: 31, State: Offline}
	if f.Path != `a\b` || len(f.Targets) != 1 || f.Targets[0] != want {
		t.Errorf("Unmarshal of folder %q: %+v, want %+v", f.Path, f.Targets, want)
	}
	out, err := yaml.Marshal(f.Targets[0])
	if err != nil || !strings.Contains(string(out), `path: \\fs1\share\dir`) || !strings.Contains(string(out), "priority: global-low") {
		t.Errorf("Marshal = %s, %v, want the names of the configuration", out, err)
	}
}
