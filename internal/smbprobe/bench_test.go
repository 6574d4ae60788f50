//go:build unix

package smbprobe

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dfsd/internal/smb2"
)

// serverEnv makes this test binary a server and nothing else, so that its CPU
// time is not counted as ours.
const serverEnv = "DFSD_SMBPROBE_SERVER"

// BenchmarkProbe measures the CPU time of this process per probe of a host, and
// what 100 hosts a second would cost of one core.
func BenchmarkProbe(b *testing.B) {
	port := serverProcess(b)
	var paths []string
	for i := range 10 {
		paths = append(paths, fmt.Sprintf(`share%d\folder`, i%2))
	}
	for _, bb := range []struct{ name, password string }{{"negotiate", ""}, {"ten targets", testPassword}} {
		b.Run(bb.name, func(b *testing.B) {
			p := newProber(b, port, bb.password, nil)
			if got := probe(b, p, paths...); got.Host != nil || got.Targets[9] != nil {
				b.Fatalf("probe: %s", verdicts(got))
			}
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				if r := probe(b, p, paths...); r.Host != nil {
					b.Fatal(r.Host)
				}
			}
			each := (cpuTime(b) - before) / time.Duration(b.N)
			b.ReportMetric(float64(each)/float64(time.Microsecond), "cpu-µs/probe")
			b.ReportMetric(100*100*each.Seconds(), "%core@100hosts/s")
		})
	}
}

// TestCost holds the CPU time of a probe well below what 100 hosts a second may
// cost: a tenth of a core is 1 ms each.
func TestCost(t *testing.T) {
	port := serverProcess(t)
	p := newProber(t, port, testPassword, nil)
	paths := make([]string, 10)
	for i := range paths {
		paths[i] = fmt.Sprintf(`share\folder%d`, i)
	}
	const probes = 200
	want(t, p, "host good"+strings.Repeat(", good", len(paths)), paths...)
	before := cpuTime(t)
	for range probes {
		probe(t, p, paths...)
	}
	if each := (cpuTime(t) - before) / probes; each > time.Millisecond*raceFactor {
		t.Errorf("%v of CPU time a probe of ten targets, want 1 ms at most", each)
	}
}

func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serverProcess runs a server in a process of its own, and returns its port.
func serverProcess(t testing.TB) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServerProcess$")
	cmd.Env = append(os.Environ(), serverEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the end of the test's context killed it
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestServerProcess is that server.
func TestServerProcess(t *testing.T) {
	if os.Getenv(serverEnv) == "" {
		return
	}
	s := startServer(t, "127.0.0.1", 0, nil)
	fmt.Println(s.port)
	<-t.Context().Done() // until it is killed
}

// BenchmarkFloor is what the TCP connection and one exchange over it cost
// without any SMB.
func BenchmarkFloor(b *testing.B) {
	port := serverProcess(b)
	request := smb2.AppendMessage(smb2.AppendFrameHeader(nil), smb2.Header{Command: smb2.CommandNegotiate}, smb2.NegotiateRequest{Dialects: []smb2.Dialect{smb2.Dialect210}})
	if err := smb2.PutFrameLength(request); err != nil {
		b.Fatal(err)
	}
	answer := make([]byte, 1<<10)
	before := cpuTime(b)
	for b.Loop() {
		d := net.Dialer{KeepAlive: -1}
		nc, err := d.DialContext(b.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := nc.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := nc.Read(answer); err != nil {
			b.Fatal(err)
		}
		_ = nc.Close()
	}
	b.ReportMetric(float64((cpuTime(b)-before)/time.Duration(b.N))/float64(time.Microsecond), "cpu-µs/probe")
}
