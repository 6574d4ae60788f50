//go:build integration

package lab_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"dfsd/internal/lab"
)

// TestSlowClients: connections that send a byte now and then, or nothing, are
// ended in time and keep nobody else out; afterwards their places are free.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := l.Dfsd(lab.DfsdSetup{
		SMB:  []string{"limits: {authenticate_within: 3s, unauthenticated_per_address: 8}"},
		Rest: namespaceYAML([]lab.Folder{{Path: "projects", Targets: []string{`\\fs1\projects`}}}),
	})
	const places = 8
	var ends sync.WaitGroup
	lasted := make([]time.Duration, 3*places)
	for i := range lasted {
		conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(d.Addr, 445).String(), 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		ends.Go(func() { lasted[i] = drip(conn, i%2 == 0) })
	}
	if out := l.Station("10.99.1.5").Smbclient(lab.UNC(d.Addr, "public"), lab.Alice, "ls"); lacks(out.Stdout, "projects") != nil {
		t.Errorf("while another address holds slow connections:\n%s", out)
	}
	ends.Wait()
	for i, d := range lasted {
		if d > 10*time.Second {
			t.Errorf("slow connection %d lasted %v, want at most 3 s", i, d)
		}
	}
	slices.Sort(lasted)
	if longest := lasted[len(lasted)-1]; longest < 2*time.Second {
		t.Errorf("the longest slow connection lasted %v, want about 3 s", longest)
	}
	if refused := lasted[len(lasted)-places-1]; refused > time.Second {
		t.Errorf("more than %d connections of one address without a log-on lasted %v", places, refused)
	}
	share, err := dial(t, d.Addr, lab.Alice).Mount("public")
	if err != nil {
		t.Fatalf("after the slow connections have ended: %v", err)
	}
	if got, want := names(t, share, ""), []string{"projects"}; !slices.Equal(got, want) {
		t.Errorf("the namespace holds %q, want %q", got, want)
	}
}

// drip holds a connection open, sending a byte of a frame from time to time or
// nothing at all, until the other side ends it, and tells how long that took.
func drip(conn net.Conn, send bool) time.Duration {
	defer conn.Close()
	start := time.Now()
	frame := append([]byte{0, 0, 0, 200, 0xFE, 'S', 'M', 'B'}, make([]byte, 196)...)
	buf := make([]byte, 1)
	for time.Since(start) < 20*time.Second {
		if send {
			if _, err := conn.Write(frame[:1]); err != nil {
				break
			}
			frame = frame[1:]
		}
		if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			break
		}
		if _, err := conn.Read(buf); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	return time.Since(start)
}
