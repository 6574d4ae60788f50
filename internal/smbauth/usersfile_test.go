package smbauth

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

const hashA, hashB = "8846f7eaee8fb117ad06bdd830b7586c", "11111111111111111111111111111111"

func writeUsers(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadUsers(t *testing.T) {
	path := writeUsers(t, "version: 1\nusers:\n  alice: "+hashA+"\n  \"123\": "+hashB+"\n  null: "+strings.ToUpper(hashA)+"\n")
	u, err := LoadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Alice": hashA, "123": hashB, "NULL": hashA} {
		_, hash, known := u.lookup(name, Hash{})
		if got := hex.EncodeToString(hash[:]); !known || got != want {
			t.Errorf("hash of %q = %s, %v, want %s", name, got, known, want)
		}
	}
	if u.Len() != 3 {
		t.Errorf("Len() = %d, want 3", u.Len())
	}
}

func TestParseUsersFileFaults(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string // the lines of the error
	}{
		{name: "nothing", text: "", want: []string{"u: empty; `dfsd user set NAME` writes it"}},
		{name: "comment alone", text: "# users\n", want: []string{"u: empty; `dfsd user set NAME` writes it"}},
		{name: "sequence", text: "- a\n", want: []string{"u:1:1: want a mapping with the keys version and users"}},
		{name: "no version", text: "users: {}\n", want: []string{"u:1:1: version is missing"}},
		{name: "no users", text: "version: 1\n", want: []string{"u:1:1: users is missing"}},
		{name: "later version", text: "version: 2\nusers: {}\n", want: []string{`u:1:10: version "2", this program reads version 1`}},
		{name: "unknown key", text: "version: 1\nusers: {}\ngroups: {}\n", want: []string{`u:3:1: unknown key "groups", want version or users`}},
		{name: "key twice", text: "version: 1\nusers: {}\nusers: {}\n", want: []string{"u:3:1: users stands twice"}},
		{name: "list of users", text: "version: 1\nusers:\n  - a\n", want: []string{"u:3:3: users: want a mapping of names to NT hashes"}},
		{
			name: "all at once", text: "version: 3\nusers:\n  alice: " + hashA + "\n  ALICE: " + hashB + "\n  bob: secret\n  c/d: " + hashA + "\n",
			want: []string{
				`u:1:10: version "3", this program reads version 1`,
				`u:4:3: user "ALICE" is the same as "alice": names are compared without regard to case`,
				`u:5:8: user "bob": want an NT hash of 32 hexadecimal digits`,
				`u:6:3: user name "c/d" holds '/', which Windows refuses in account names`,
			},
		},
		{name: "alias", text: "version: 1\nusers:\n  a: &h " + hashA + "\n  b: *h\n", want: []string{"u:4:3: want a name and an NT hash of 32 hexadecimal digits"}},
		{name: "nested", text: "version: 1\nusers:\n  a: {hash: x}\n", want: []string{"u:3:3: want a name and an NT hash of 32 hexadecimal digits"}},
		{name: "hash of 34 digits", text: "version: 1\nusers:\n  a: " + hashA + "00\n", want: []string{`u:3:6: user "a": want an NT hash of 32 hexadecimal digits`}},
		{name: "second document", text: "version: 1\nusers: {}\n---\nversion: 1\n", want: []string{"u: more than one YAML document"}},
		{name: "not YAML", text: "users: [", want: []string{"u: yaml: line 1: did not find expected node content"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseUsersFile("u", []byte(tt.text))
			if want := strings.Join(tt.want, "\n"); err == nil || err.Error() != want {
				t.Errorf("parseUsersFile error = %v\nwant %s", err, want)
			}
			if empty := strings.Contains(tt.want[0], "empty"); errors.Is(err, ErrEmpty) != empty || errors.Is(err, ErrFaulty) == empty {
				t.Errorf("ErrEmpty: %v, ErrFaulty: %v", errors.Is(err, ErrEmpty), errors.Is(err, ErrFaulty))
			}
		})
	}
}

func TestUsersFileMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("mode bits say nothing there")
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o660, 0o610, 0o666} {
		path := writeUsers(t, "version: 1\nusers: {}\n")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadUsers(path)
		if !errors.Is(err, ErrExposed) || !strings.HasSuffix(err.Error(), "chmod 600 "+path) {
			t.Errorf("LoadUsers with mode %04o: %v, want ErrExposed and the chmod", mode, err)
		}
		if err := SetPassword(path, "alice", "p"); !errors.Is(err, ErrExposed) {
			t.Errorf("SetPassword with mode %04o: %v, want ErrExposed", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		path := writeUsers(t, "version: 1\nusers: {}\n")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadUsers(path); err != nil {
			t.Errorf("LoadUsers with mode %04o: %v", mode, err)
		}
	}
	if _, err := LoadUsers(t.TempDir()); err == nil {
		t.Error("LoadUsers of a folder: no error")
	}
	if _, err := LoadUsers(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadUsers of no file: %v, want fs.ErrNotExist", err)
	}
}

// TestSetPassword edits a file that a person has written in, and compares all
// of it.
func TestSetPassword(t *testing.T) {
	path := writeUsers(t, `# our people
version: 1
users:
  # the night shift
  zoe: `+hashB+` # until May
  Alice: `+hashB+`
  "123": `+hashB+`
# the end
`)
	for _, set := range []struct{ name, password string }{{"ALICE", "password"}, {"bob", "password"}, {"1e5", "password"}} {
		if err := SetPassword(path, set.name, set.password); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `# our people
version: 1
users:
  # the night shift
  zoe: ` + hashB + ` # until May
  Alice: ` + hashA + `
  "123": ` + hashB + `
  bob: ` + hashA + `
  "1e5": ` + hashA + `
# the end
`
	if string(got) != want {
		t.Errorf("file = %s\nwant %s", got, want)
	}
}

func TestSetPasswordMakesTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "users.yaml")
	if err := SetPassword(path, "alice", "correct horse"); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o, want 0600", fi.Mode().Perm())
	}
	u, err := LoadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, hash, known := u.lookup("alice", Hash{}); !known || hash != NTHash("correct horse") {
		t.Errorf("alice's hash is not that of her password")
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("folder holds %q, want the users file alone", got)
	}
}

// TestSetPasswordInAnEmptyFile: one that nothing was written to is new.
func TestSetPasswordInAnEmptyFile(t *testing.T) {
	const begin = "# Written by `dfsd user set`. An NT hash is as good as the password: mode 0600.\nversion: 1\nusers:\n"
	for _, tt := range []struct{ text, want string }{
		{"", begin},
		{"\n \n", begin},
		{"# our people", "# our people\n" + begin},
		{"# our people\n\n# and others\n", "# our people\n\n# and others\n" + begin},
	} {
		path := writeUsers(t, tt.text)
		if _, err := LoadUsers(path); !errors.Is(err, ErrEmpty) {
			t.Errorf("LoadUsers of %q = %v, want ErrEmpty", tt.text, err)
		}
		if err := SetPassword(path, "alice", "password"); err != nil {
			t.Errorf("SetPassword in %q = %v", tt.text, err)
		}
		got, err := os.ReadFile(path)
		if want := tt.want + "  alice: " + hashA + "\n"; err != nil || string(got) != want {
			t.Errorf("%q became\n%s, %v, want\n%s", tt.text, got, err, want)
		}
	}
}

func TestSetPasswordRefuses(t *testing.T) {
	path := writeUsers(t, "version: 1\nusers: {}\n")
	tests := []struct{ name, user, password string }{
		{name: "no name", password: "p"},
		{name: "bad name", user: "a/b", password: "p"},
		{name: "no password", user: "alice"},
		{name: "password not UTF-8", user: "alice", password: "\xff"},
		{name: "password of 257", user: "alice", password: strings.Repeat("x", 257)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := SetPassword(path, tt.user, tt.password)
			if err == nil || tt.password != "" && tt.password != "p" && strings.Contains(err.Error(), tt.password) {
				t.Errorf("SetPassword = %v, want an error without the password", err)
			}
		})
	}
	broken := writeUsers(t, "version: 1\nusers: [\n")
	if err := SetPassword(broken, "alice", "p"); !errors.Is(err, ErrFaulty) {
		t.Errorf("SetPassword in a file that it cannot read = %v, want ErrFaulty", err)
	}
	if b, err := os.ReadFile(broken); err != nil || string(b) != "version: 1\nusers: [\n" {
		t.Errorf("broken file is now %q, %v", b, err)
	}
}

func TestSetPasswordFollowsLinks(t *testing.T) {
	path := writeUsers(t, "version: 1\nusers: {}\n")
	link := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	if err := SetPassword(link, "alice", "p"); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Lstat(link); err != nil || fi.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", fi, err)
	}
	if u, err := LoadUsers(path); err != nil || u.Len() != 1 {
		t.Errorf("the file behind the link: %v, %v", u, err)
	}
}

// TestReplaceFileFails leaves nothing beside what it could not replace.
func TestReplaceFileFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a folder")
	if err := os.MkdirAll(filepath.Join(path, "not empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(path, []byte("x"), nil); err == nil {
		t.Error("replaceFile over a folder: no error")
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("folder holds %q, want what was there", got)
	}
}

// TestSetPasswordConcurrently loses no user among many writers.
func TestSetPasswordConcurrently(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no folder locks there")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "users.yaml")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := SetPassword(path, fmt.Sprintf("user%d", i), "p"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	u, err := LoadUsers(path)
	if err != nil || u.Len() != 8 {
		t.Errorf("%d users, %v, want 8", u.Len(), err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("folder holds %q, want the users file alone", got)
	}
}

// TestUsersFileRoundTrip sets names of every sort and reads them back.
func TestUsersFileRoundTrip(t *testing.T) {
	name := rapid.OneOf(
		rapid.SampledFrom([]string{"null", "~", "true", "no", "0x10", "1e5", "2026-11-22", "-", "#x", "!x", "&x", "{x}", "%x", "'", "a: b", "a #b", "<<"}),
		rapid.StringN(1, 20, 60),
	).Filter(func(s string) bool { return CheckUserName(s) == nil })
	rapid.Check(t, func(t *rapid.T) {
		f, err := newUsersFile("u", nil)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]Hash{}
		for range rapid.IntRange(1, 6).Draw(t, "n") {
			n, h := name.Draw(t, "name"), Hash(rapid.SliceOfN(rapid.ByteRange(0, 0x19), 16, 16).Draw(t, "hash"))
			f.set(n, h)
			want[foldName(n)] = h
		}
		b, err := f.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseUsersFile("u", b)
		if err != nil || got.users.Len() != len(want) {
			t.Fatalf("parseUsersFile(%s) = %v, want %d users", b, err, len(want))
		}
		for n, h := range want {
			if _, hash, known := got.users.lookup(n, Hash{}); !known || hash != h {
				t.Fatalf("lookup(%q) in %s = %v", n, b, known)
			}
		}
	})
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
