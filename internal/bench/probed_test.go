//go:build integration && bench

package bench_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dfsd/internal/lab"
	"dfsd/internal/smb2"
)

// answering are file servers as a probe without credentials meets them: they
// negotiate, and that is all.
type answering struct {
	answered atomic.Int64
	mu       sync.Mutex
	conns    map[net.Conn]bool // nil: closed
	all      sync.WaitGroup
}

// answerAt opens a server at port 445 of each address, until the test ends.
func answerAt(t *testing.T, addrs []netip.Addr) *answering {
	t.Helper()
	s := &answering{conns: map[net.Conn]bool{}}
	var listeners []net.Listener
	t.Cleanup(func() {
		for _, l := range listeners {
			_ = l.Close()
		}
		s.mu.Lock()
		for c := range s.conns {
			_ = c.Close()
		}
		s.conns = nil
		s.mu.Unlock()
		s.all.Wait()
	})
	for _, a := range addrs {
		l, err := net.Listen("tcp", netip.AddrPortFrom(a, 445).String())
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, l)
		s.all.Go(func() { s.accept(l) })
	}
	return s
}

func (s *answering) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if open := s.conns != nil; open {
			s.conns[c] = true
			s.all.Go(func() { s.serve(c) })
		} else {
			_ = c.Close()
		}
		s.mu.Unlock()
	}
}

func (s *answering) serve(c net.Conn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	in := bufio.NewReader(c)
	var head [smb2.FrameHeaderSize]byte
	for {
		msg, err := smb2.ReadFrame(in, &head, nil, 1<<16)
		if err != nil {
			return
		}
		answer, err := negotiated(msg)
		if err != nil {
			return
		}
		if err := smb2.WriteFrame(c, append(smb2.AppendFrameHeader(nil), answer...)); err != nil {
			return
		}
		s.answered.Add(1)
	}
}

// negotiated answers a NEGOTIATE that offers 3.1.1, as an up-to-date server
// does.
func negotiated(msg []byte) ([]byte, error) {
	h, err := smb2.ParseHeader(msg)
	if err != nil {
		return nil, err
	}
	q, err := smb2.ParseNegotiateRequest(msg)
	if err != nil || h.Command != smb2.CommandNegotiate || !slices.Contains(q.Dialects, smb2.Dialect311) {
		return nil, errors.Join(err, errors.New("no NEGOTIATE that offers 3.1.1"))
	}
	return smb2.AppendMessage(nil, h.Response(smb2.StatusSuccess, 1), smb2.NegotiateResponse{
		SecurityMode: smb2.SigningEnabled, Dialect: smb2.Dialect311, ServerGUID: [16]byte{1, 2, 3}, Capabilities: smb2.CapDFS | smb2.CapLargeMTU,
		MaxTransact: 1 << 20, MaxRead: 1 << 20, MaxWrite: 1 << 20,
		Contexts: smb2.NegotiateContexts{
			Preauth: &smb2.PreauthContext{Hashes: []smb2.HashAlgorithm{smb2.HashSHA512}, Salt: make([]byte, 32)},
			Signing: &smb2.SigningContext{Algorithms: []smb2.SigningAlgorithm{smb2.SigningAESCMAC}},
		},
	}), nil
}

// hostsAt are n addresses of the loopback interface, which has 127.0.0.0/8.
func hostsAt(n int) []netip.Addr {
	all := make([]netip.Addr, n)
	for i := range all {
		all[i] = netip.AddrFrom4([4]byte{127, 1, byte(i / 250), byte(i%250 + 1)})
	}
	return all
}

// probedYAML is a namespace with n folders of two targets each, over all hosts
// in turn; probe are the lines of its probes.
func probedYAML(hosts []netip.Addr, n int, probe string) string {
	var b strings.Builder
	b.WriteString("namespaces:\n  - name: dfs\n" + probe + "    folders:\n")
	for i := range n {
		fmt.Fprintf(&b, "      - {path: %s, targets: [{path: '%s'}, {path: '%s'}]}\n", link(i),
			lab.UNC(hosts[2*i%len(hosts)], fmt.Sprintf("share%d", i)), lab.UNC(hosts[(2*i+1)%len(hosts)], fmt.Sprintf("share%d", i)))
	}
	return b.String()
}

// TestProbes prints the CPU of a daemon that does nothing but ask 1,000 hosts
// with 10,000 targets every ten seconds how they are.
func TestProbes(t *testing.T) {
	const numHosts, targets, period = 1_000, 10_000, 30 * time.Second
	l := lab.New(t)
	hosts := hostsAt(numHosts)
	servers := answerAt(t, hosts)
	d := l.Dfsd(lab.DfsdSetup{Rest: probedYAML(hosts, targets/2, "    probe: {interval: 10s, timeout: 3s}\n")})
	up := fmt.Sprintf("dfsd_targets{state=\"up\"} %d", targets)
	l.Await("a verdict of every target", func() error {
		if !strings.Contains(d.Metrics(), up) {
			return errors.New("not yet")
		}
		return nil
	})
	asked := servers.answered.Load()
	share := cpuShare(t, d, period)
	asked = servers.answered.Load() - asked
	if !strings.Contains(d.Metrics(), up) {
		t.Errorf("not every target is up:\n%s", d.Metrics())
	}
	if want := int64(numHosts * period / (10 * time.Second)); asked < want/2 {
		t.Errorf("%d probes were answered, want %d", asked, want)
	}
	mark := len(d.Log())
	d.Configure(probedYAML(hosts, targets/2, ""))
	d.Reload()
	d.AwaitLog(mark, "configuration read")
	idle := cpuShare(t, d, 10*time.Second)
	fmt.Printf("probes: %d targets on %d hosts every 10s: %.1f %% of a core over %v, %d probes (%.2f ms each); %.1f %% without probes; %.1f MB resident\n",
		targets, numHosts, 100*share, period, asked, 1000*(share-idle)*period.Seconds()/float64(asked), 100*idle, float64(d.Usage().Resident)/1e6)
}

// cpuShare is what part of a core a daemon takes over a time.
func cpuShare(t *testing.T, d *lab.Dfsd, over time.Duration) float64 {
	t.Helper()
	began, before := time.Now(), d.Usage()
	<-time.After(over)
	if err := d.Alive(); err != nil {
		t.Fatal(err)
	}
	return (d.Usage().CPU - before.CPU).Seconds() / time.Since(began).Seconds()
}
