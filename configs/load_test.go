package configs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	named := write("named.yaml", "version: 1\nhost: fs9\n")
	unnamed := write("unnamed.yaml", "version: 1\n")
	bad := write("bad.yaml", "version: 1\nhots: a\n")
	errNameless := errors.New("no name")
	nameless := func() (string, error) { return "", errNameless }

	tests := []struct {
		name, path, host string
		hostname         func() (string, error)
		want             func(error) bool
	}{
		{"host of the file", named, "fs9", nameless, nil},
		{"host of the machine", unnamed, "fs1.nyc.corp.example.com", fixedName, nil},
		{"no host", unnamed, "", nameless, func(err error) bool { return errors.Is(err, errNameless) }},
		{"faults", bad, "", fixedName, func(err error) bool {
			var refusal *Error
			return errors.As(err, &refusal) && err.Error() == bad+`:2:1: unknown key "hots" in the file; did you mean "host"?`
		}},
		{"no file", filepath.Join(dir, "none.yaml"), "", fixedName, func(err error) bool {
			return errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(err.Error(), "read configuration: ")
		}},
		{"directory", dir, "", fixedName, func(err error) bool { return strings.HasPrefix(err.Error(), "read configuration: ") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Loader{Hostname: tt.hostname}.Load(tt.path)
			switch {
			case tt.want != nil && (err == nil || !tt.want(err)):
				t.Errorf("Load(%s) = %v, %v", tt.path, f, err)
			case tt.want == nil && (err != nil || f.Host != tt.host):
				t.Errorf("Load(%s) = %v, %v, want host %q", tt.path, f, err, tt.host)
			}
		})
	}
}

// TestLoadStopsReading: a file without end is refused, not read.
func TestLoadStopsReading(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long.yaml")
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Truncate(1 << 40); err != nil {
		t.Skip("no sparse files here:", err)
	}
	if _, err := Load(path); err == nil || err.Error() != path+": longer than 64 MiB" {
		t.Errorf("Load of 1 TiB = %v", err)
	}
}

func TestFullName(t *testing.T) {
	short, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	full, err := fullName()
	if err != nil || (full != short && !strings.HasPrefix(strings.ToLower(full), strings.ToLower(short)+".")) {
		t.Errorf("fullName() = %q, %v on %q", full, err, short)
	}
}

func TestFaultString(t *testing.T) {
	tests := []struct {
		f    Fault
		want string
	}{
		{Fault{File: "a.yaml", Line: 3, Column: 7, Path: "x", Message: "wrong"}, "a.yaml:3:7: wrong"},
		{Fault{File: "a.yaml", Message: "wrong"}, "a.yaml: wrong"},
	}
	for _, tt := range tests {
		if got := tt.f.String(); got != tt.want {
			t.Errorf("%#v.String() = %q, want %q", tt.f, got, tt.want)
		}
	}
}
