package resolve

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	maxResolvConf = 64 << 10
	maxHostsFile  = 4 << 20
	maxSearch     = 8
	// checkEvery is how often a file is looked at for a change.
	checkEvery = 5 * time.Second
)

// file is a small file of the system whose meaning is kept and renewed when the
// file changes. What cannot be read keeps its last meaning; a file that is gone
// means what an empty one does.
type file[T any] struct {
	path  string
	limit int64 // what is beyond is not read
	parse func([]byte) T

	mu       sync.Mutex // guards what follows
	checked  time.Time
	modified time.Time
	size     int64
	known    bool
	meaning  T
}

// at returns the meaning, no older than checkEvery.
func (f *file[T]) at(now time.Time) T {
	f.mu.Lock()
	defer f.mu.Unlock()
	if age := now.Sub(f.checked); !f.known || age < 0 || age >= checkEvery {
		f.checked = now
		_ = f.refresh() // the last meaning stays
	}
	return f.meaning
}

// read learns the file for the first time.
func (f *file[T]) read() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refresh()
}

func (f *file[T]) refresh() error {
	info, err := os.Stat(f.path)
	if err == nil && f.known && info.ModTime().Equal(f.modified) && info.Size() == f.size {
		return nil
	}
	if err != nil {
		if os.IsNotExist(err) {
			f.meaning, f.known, f.modified, f.size = f.parse(nil), true, time.Time{}, 0
		}
		return err
	}
	text, err := readAtMost(f.path, f.limit)
	if err != nil {
		return err
	}
	f.meaning, f.known, f.modified, f.size = f.parse(text), true, info.ModTime(), info.Size()
	return nil
}

func readAtMost(path string, limit int64) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, limit))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) == limit { // what follows the last whole line may be cut
		text = text[:bytes.LastIndexByte(text, '\n')+1]
	}
	return text, nil
}

// resolvConf is what resolv.conf(5) says that matters here.
type resolvConf struct {
	servers []string // host:port, at least one
	search  []string
}

// parseResolvConf reads a resolver configuration. Without a server in it a local
// one is meant.
func parseResolvConf(text []byte) resolvConf {
	var c resolvConf
	conf, err := dns.ClientConfigFromReader(bytes.NewReader(text))
	if err == nil {
		for _, s := range conf.Servers {
			if _, err := netip.ParseAddr(s); err == nil && len(c.servers) < maxServers {
				c.servers = append(c.servers, net.JoinHostPort(s, conf.Port))
			}
		}
		c.search = conf.Search[:min(len(conf.Search), maxSearch)]
	}
	if len(c.servers) == 0 {
		c.servers = []string{"127.0.0.1:53", "[::1]:53"}
	}
	return c
}

// toHost are the addresses that the table of hosts gives to one name.
type toHost []netip.Addr

// parseHosts reads a table of hosts, hosts(5), by name in lower case without the
// last dot. Lines that make no sense are passed over, as everybody does.
func parseHosts(text []byte) map[string]toHost {
	table := map[string]toHost{}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(fields[0])
		addr = addr.Unmap()
		if err != nil || !isHosts(addr) { // 0.0.0.0 hides a name, and is nobody's address
			continue
		}
		for _, name := range fields[1:] {
			name = key(name)
			if name != "" && len(table[name]) < maxAddrs {
				table[name] = append(table[name], addr)
			}
		}
	}
	return table
}

// key is the form of a name under which it is remembered: names differ neither
// by case nor by the last dot.
func key(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// systemHosts is the path of the operating system's table of hosts.
func systemHosts() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("SystemRoot"), "System32", "drivers", "etc", "hosts")
	}
	return "/etc/hosts"
}
