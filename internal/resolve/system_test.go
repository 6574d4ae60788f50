package resolve

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseResolvConf(t *testing.T) {
	local := []string{"127.0.0.1:53", "[::1]:53"}
	tests := []struct {
		name, text string
		want       resolvConf
	}{
		{"usual", "# c\n; c\nnameserver 10.0.0.1\nnameserver 2001:db8::1\nsearch corp.lab lab\noptions ndots:2 edns0\n", resolvConf{[]string{"10.0.0.1:53", "[2001:db8::1]:53"}, []string{"corp.lab", "lab"}}},
		{"zone, no last line end", "nameserver fe80::1%eth0", resolvConf{[]string{"[fe80::1%eth0]:53"}, nil}},
		{"last of domain and search counts", "domain a.lab\nsearch b.lab\nnameserver 10.0.0.1", resolvConf{[]string{"10.0.0.1:53"}, []string{"b.lab"}}},
		{"names and rubbish are no servers", "nameserver ns.lab\nnameserver\nnameserver 10.0.0.1.2\n\x00\nsearch", resolvConf{local, nil}},
		{"empty", "", resolvConf{local, nil}},
		{"too many", strings.Repeat("nameserver 10.0.0.1\n", 100) + "search" + strings.Repeat(" x", 100), resolvConf{slices.Repeat([]string{"10.0.0.1:53"}, maxServers), slices.Repeat([]string{"x"}, maxSearch)}},
	}
	for _, tt := range tests {
		got := parseResolvConf([]byte(tt.text))
		if len(got.search) == 0 {
			got.search = nil
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestParseHosts(t *testing.T) {
	text := "127.0.0.1 localhost\n" +
		"10.0.0.1\tFS1.lab fs1 # the first\n" +
		"2001:db8::1 fs1\r\n" +
		"# 10.9.9.9 fs1\n" +
		"10.0.0.2# fs1\n" +
		"10.0.0.300 fs1\nfs1 10.0.0.4\n10.0.0.5\n\n" +
		"::ffff:10.0.0.6 fs2. #\n" +
		strings.Repeat("10.0.0.7 many\n", 2*maxAddrs)
	want := map[string]toHost{
		"localhost": addrs("127.0.0.1"), "fs1.lab": addrs("10.0.0.1"), "fs1": addrs("10.0.0.1", "2001:db8::1"),
		"fs2": addrs("10.0.0.6"), "many": slices.Repeat(addrs("10.0.0.7"), maxAddrs),
	}
	if got := parseHosts([]byte(text)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// system is a client of a system whose files lie in a folder of the test.
func system(t *testing.T, resolv, hosts string) (*Client, Options, *clock) {
	t.Helper()
	dir := t.TempDir()
	now := &clock{now: time.Unix(1e9, 0)}
	o := Options{ResolvConf: filepath.Join(dir, "resolv.conf"), HostsFile: filepath.Join(dir, "hosts"), Now: now.Now, Timeout: 5 * time.Second}
	write(t, o.ResolvConf, resolv)
	write(t, o.HostsFile, hosts)
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, o, now
}

func TestSystemFilesAreReadAgain(t *testing.T) {
	c, o, now := system(t, "nameserver 10.0.0.1\nsearch a.lab", "10.0.0.1 fs")
	same := func(want string) {
		t.Helper()
		if got := strings.Join(append(c.servers(now.Now()), c.search(now.Now())...), " "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	same("10.0.0.1:53 a.lab")
	write(t, o.ResolvConf, "nameserver 10.0.0.22\nsearch b.lab")
	write(t, o.HostsFile, "10.0.0.1 fs\n10.0.0.2 fs")
	now.pass(checkEvery - 1)
	same("10.0.0.1:53 a.lab")
	now.pass(1)
	same("10.0.0.22:53 b.lab")
	if got := mustAddresses(t, c, "FS."); !slices.Equal(got.Addrs, addrs("10.0.0.1", "10.0.0.2")) || got.TTL != fileTTL {
		t.Errorf("hosts: %v", got)
	}
	if err := os.Remove(o.ResolvConf); err != nil {
		t.Fatal(err)
	}
	now.pass(checkEvery)
	same("127.0.0.1:53 [::1]:53")
	now.pass(-time.Hour) // a clock set back does not stop the looking
	write(t, o.ResolvConf, "nameserver 10.0.0.3")
	same("10.0.0.3:53")
}

// TestUnreadableFileKeepsItsMeaning: a folder in its place cannot be read.
func TestUnreadableFileKeepsItsMeaning(t *testing.T) {
	c, o, now := system(t, "nameserver 10.0.0.1", "")
	if err := errors.Join(os.Remove(o.ResolvConf), os.Mkdir(o.ResolvConf, 0o700)); err != nil {
		t.Fatal(err)
	}
	now.pass(checkEvery)
	if got := c.servers(now.Now()); !slices.Equal(got, []string{"10.0.0.1:53"}) {
		t.Errorf("got %v", got)
	}
	if _, err := New(o); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("New with an unreadable resolv.conf: %v", err)
	}
}

func TestMissingResolvConf(t *testing.T) {
	_, err := New(Options{ResolvConf: filepath.Join(t.TempDir(), "none"), HostsFile: filepath.Join(t.TempDir(), "none")})
	if (err != nil) != (runtime.GOOS == "windows") {
		t.Error(err)
	}
}

// TestTableOfHosts: it goes before the DNS, but for the loopback addresses that
// distributions give to the machine's own name.
func TestTableOfHosts(t *testing.T) {
	c, _, _ := system(t, "", "10.0.0.9 fs\n127.0.1.1 self.lab self\n127.0.1.1 both\n10.0.0.8 both\n127.0.0.9 localhost")
	f := serve(t, zone(t, 0, "fs. 60 A 10.6.6.6", "self.lab. 60 A 10.0.0.1"))
	c.conf.meaning.servers = []string{f.address}
	for host, want := range map[string]string{"fs": "10.0.0.9", "both": "10.0.0.8", "self.lab": "10.0.0.1", "self": "127.0.1.1"} {
		if got := mustAddresses(t, c, host); !slices.Equal(got.Addrs, addrs(want)) {
			t.Errorf("%s: %v, want %s", host, got.Addrs, want)
		}
	}
	if got := mustAddresses(t, c, "localhost").Addrs; !slices.Equal(got, addrs("127.0.0.1", "::1")) {
		t.Errorf("localhost: %v", got)
	}
}

func TestGivenSearchOutweighsTheSystems(t *testing.T) {
	_, o, now := system(t, "search a.lab", "")
	o.Search = []string{"b.lab"}
	c, err := New(o)
	if err != nil || !slices.Equal(c.search(now.Now()), o.Search) {
		t.Errorf("%v, search %v", err, c.search(now.Now()))
	}
}

func TestGivenServersMeanNoSystem(t *testing.T) {
	_, o, _ := system(t, "search lab", "10.0.0.9 fs")
	f := serve(t, zone(t, 0, "fs. 60 A 10.0.0.1", "fs.lab. 60 A 10.0.0.2"))
	if got := mustAddresses(t, client(t, o, f), "fs"); !slices.Equal(got.Addrs, addrs("10.0.0.1")) {
		t.Errorf("got %v", got)
	}
}

func TestLongFileIsCutAtALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	write(t, path, "10.0.0.1 a\n10.0.0.2 bbb\n")
	for limit, want := range map[int64]string{100: "10.0.0.1 a\n10.0.0.2 bbb\n", 23: "10.0.0.1 a\n", 22: "10.0.0.1 a\n", 4: ""} {
		if got, err := readAtMost(path, limit); err != nil || string(got) != want {
			t.Errorf("limit %d: %q, %v, want %q", limit, got, err, want)
		}
	}
}

func FuzzParseHosts(f *testing.F) {
	f.Add([]byte("10.0.0.1 fs1 FS2. # c\n::1 x\n"))
	f.Add([]byte("fe80::1%eth0 a\r\n\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for name, list := range parseHosts(slices.Clip(text)) {
			if name == "" || name != strings.ToLower(name) || len(list) == 0 || len(list) > maxAddrs {
				t.Errorf("%q: %v", name, list)
			}
		}
	})
}

func FuzzParseResolvConf(f *testing.F) {
	f.Add([]byte("nameserver 10.0.0.1\nsearch a b\noptions ndots:3 timeout:1 attempts:0"))
	f.Add([]byte("domain\noptions ndots: timeout: attempts:"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := parseResolvConf(slices.Clip(text))
		if len(c.servers) == 0 || len(c.servers) > maxServers || len(c.search) > maxSearch {
			t.Errorf("%v", c)
		}
		for _, name := range candidates("fs", c.search) {
			if !strings.HasPrefix(name, "fs.") || !validName(name) {
				t.Errorf("candidate %q", name)
			}
		}
	})
}
