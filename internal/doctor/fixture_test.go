package doctor

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dfsd/namespace"
	"dfsd/sites"
)

var (
	here     = netip.MustParseAddr("10.1.0.7")
	loopback = netip.MustParseAddr("127.0.0.1")
)

// lab is the real world with addresses of our choice.
func lab() *world {
	w := realWorld()
	w.addrs = func() ([]netip.Addr, error) { return []netip.Addr{loopback, here}, nil }
	w.resolvConf = "/nonexistent/resolv.conf"
	return w
}

// zone answers questions as a DNS server on the loopback interface does.
type zone struct {
	address string
	mu      sync.Mutex
	records map[string][]dns.RR // by "name. TYPE"
	rcode   int
	silent  bool
}

// serveZone serves records in the form of zone files.
func serveZone(t *testing.T, records ...string) *zone {
	t.Helper()
	z := &zone{records: map[string][]dns.RR{}}
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		key := strings.ToLower(rr.Header().Name) + " " + dns.TypeToString[rr.Header().Rrtype]
		z.records[key] = append(z.records[key], rr)
	}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z.address = packets.LocalAddr().String()
	ready, ended := make(chan struct{}), make(chan error, 1)
	server := &dns.Server{PacketConn: packets, Handler: z, NotifyStartedFunc: func() { close(ready) }}
	go func() { ended <- server.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() {
		if err := errors.Join(server.Shutdown(), <-ended); err != nil {
			t.Error(err)
		}
	})
	return z
}

// ServeDNS implements dns.Handler.
func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.silent {
		return
	}
	answer := new(dns.Msg)
	answer.SetRcode(q, z.rcode)
	answer.Authoritative, answer.RecursionAvailable = true, true
	name := strings.ToLower(q.Question[0].Name)
	answer.Answer = z.find(name, q.Question[0].Qtype)
	if len(answer.Answer) == 0 && !z.knows(name) && z.rcode == 0 {
		answer.Rcode = dns.RcodeNameError
	}
	_ = w.WriteMsg(answer) // the asker waits for nothing else
}

func (z *zone) find(name string, kind uint16) []dns.RR {
	found := z.records[name+" "+dns.TypeToString[kind]]
	alias := z.records[name+" CNAME"]
	if len(found) == 0 && len(alias) > 0 {
		return append(alias[:1:1], z.find(strings.ToLower(alias[0].(*dns.CNAME).Target), kind)...)
	}
	return found
}

func (z *zone) knows(name string) bool {
	for key := range z.records {
		if strings.HasPrefix(key, name+" ") {
			return true
		}
	}
	return false
}

// examine runs the checks of one area.
func examine(t *testing.T, o Options, area string) []Finding {
	t.Helper()
	if o.world == nil {
		o.world = lab()
	}
	var checks []Check
	for _, c := range Checks(o) {
		if c.Area == area {
			checks = append(checks, c)
		}
	}
	found := Run(t.Context(), checks, nil)
	for _, f := range found {
		if (f.Level == Warning || f.Level == Failed) && f.Mend == "" || f.Level == OK && f.Mend != "" {
			t.Errorf("finding without, or with, a mend: %+v", f)
		}
		if f.Area != area || f.Subject == "" || f.Summary == "" {
			t.Errorf("half a finding: %+v", f)
		}
	}
	return found
}

// expect is a finding by its level and parts of its texts.
type expect struct {
	level                  Level
	subject, summary, mend string
}

func (e expect) in(found []Finding) bool {
	for _, f := range found {
		if f.Level == e.level && strings.Contains(f.Subject, e.subject) && strings.Contains(f.Summary, e.summary) && strings.Contains(f.Mend, e.mend) {
			return true
		}
	}
	return false
}

// wants fails unless each of want is there, and nothing worse than its worst.
func wants(t *testing.T, found []Finding, want ...expect) {
	t.Helper()
	text, _ := json.MarshalIndent(found, "", " ")
	worst := OK
	for _, e := range want {
		if !e.in(found) {
			t.Errorf("no finding like %+v in\n%s", e, text)
		}
		worst = Worst([]Finding{{Level: worst}, {Level: e.level}})
	}
	if got := Worst(found); got != worst {
		t.Errorf("worst is %s, want %s:\n%s", got, worst, text)
	}
}

func writeFile(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// key is one entry of a keytab.
type key struct {
	principal string // cifs/host@REALM
	kvno      uint8
	etype     uint16
}

// keytab writes a keytab of version 0x0502.
func keytab(t *testing.T, keys ...key) string {
	t.Helper()
	counted := func(b []byte, s string) []byte { return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...) }
	file := []byte{5, 2}
	for _, k := range keys {
		name, realm, _ := strings.Cut(k.principal, "@")
		parts := strings.Split(name, "/")
		b := binary.BigEndian.AppendUint16(nil, uint16(len(parts)))
		b = counted(b, realm)
		for _, p := range parts {
			b = counted(b, p)
		}
		b = append(b, 0, 0, 0, 1, 0, 0, 0, 0, k.kvno)
		b = binary.BigEndian.AppendUint16(b, k.etype)
		size := map[uint16]int{18: 32, 17: 16, 23: 16}[k.etype]
		b = counted(b, string(bytes.Repeat([]byte{0xa5}, size)))
		file = append(binary.BigEndian.AppendUint32(file, uint32(len(b))), b...)
	}
	return writeFile(t, "cifs.keytab", file)
}

// spread makes a namespace "public" with a link per target path.
func spread(t *testing.T, targets ...namespace.TargetConfig) *namespace.Snapshot {
	t.Helper()
	root := namespace.Config{Name: "public"}
	root.SetDefaults()
	for i, target := range targets {
		f := namespace.FolderConfig{Path: "f" + strconv.Itoa(i), Targets: []namespace.TargetConfig{target}}
		f.SetDefaults()
		root.Folders = append(root.Folders, f)
	}
	s, err := namespace.New([]namespace.Config{root})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func topology(t *testing.T, c sites.Config) *sites.Topology {
	t.Helper()
	top, err := sites.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// daemon answers as a running daemon does.
type daemon struct {
	networks  []Network // without a site
	site      string    // sites.default
	defaulted []Network
	listening []string
	faults    map[string]string
	age       time.Duration
	err       error
}

func (d daemon) ClientsWithoutSite(context.Context) ([]Network, error) { return d.networks, d.err }
func (d daemon) ClientsByDefault(context.Context) (string, []Network, error) {
	return d.site, d.defaulted, d.err
}
func (d daemon) Listening(context.Context) ([]string, error)           { return d.listening, d.err }
func (d daemon) HostFaults(context.Context) (map[string]string, error) { return d.faults, d.err }
func (d daemon) DirectoryAge(context.Context) (time.Duration, error)   { return d.age, d.err }

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// redirect dials other addresses than those asked for.
func redirect(to map[string]string) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if other, ok := to[address]; ok {
			address = other
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}

// remote has connections say that they lead to another host.
func remote(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return remoteConn{conn}, nil
	}
}
