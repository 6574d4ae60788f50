//go:build integration

package lab_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
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
		SMB:  []string{"limits: {authenticate_within: 5s, unauthenticated_per_address: 8}"},
		Rest: namespaceYAML([]lab.Folder{{Path: "projects", Targets: []string{`\\fs1\projects`}}}),
	})
	const places, within = 8, 5 * time.Second
	counts := func(what ...string) {
		t.Helper()
		l.Await(strings.Join(what, ", "), func() error {
			if missing := lacks(d.Metrics(), what...); missing != nil {
				return fmt.Errorf("missing %q", missing)
			}
			return nil
		})
	}
	counts(`dfsd_smb_connections_total{result="accepted"} 1`+"\n", "dfsd_smb_connections 0\n") // the laboratory's own, when it started
	began, conns := time.Now(), make([]net.Conn, 3*places)
	for i := range conns {
		var err error
		if conns[i], err = net.DialTimeout("tcp", netip.AddrPortFrom(d.Addr, 445).String(), longWait); err != nil {
			t.Fatal(err)
		}
	}
	var ends sync.WaitGroup
	lasted := make([]time.Duration, len(conns))
	for i, conn := range conns {
		ends.Go(func() { lasted[i] = drip(conn, i%2 == 0) })
	}
	if out := l.Station("10.99.1.5").Smbclient(lab.UNC(d.Addr, "public"), lab.Alice, "ls"); lacks(out.Stdout, "projects") != nil {
		t.Errorf("while another address holds slow connections:\n%s", out)
	}
	// What came of each is in the daemon's count: by our clock one that was refused may seem to have lasted.
	counts(fmt.Sprintf(`dfsd_smb_rejected_total{reason="unauthenticated_per_address"} %d`+"\n", len(conns)-places),
		fmt.Sprintf(`dfsd_smb_rejected_total{reason="authenticate_timeout"} %d`+"\n", places))
	if took := time.Since(began); took < within {
		t.Errorf("the slow connections were ended within %v, before their time", took)
	}
	ends.Wait()
	for i, took := range lasted {
		if took >= longWait {
			t.Errorf("slow connection %d has not been ended after %v", i, took)
		}
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
	for time.Since(start) < longWait {
		if send && len(frame) > 0 {
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
