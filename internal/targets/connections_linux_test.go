package targets

import (
	"bufio"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestCountEstablished(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the table is of a Linux of little-endian words")
	}
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0701010A:01BD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0701010A:01BD 0901010A:D431 01 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0701010A:01BD 0701010A:D432 01 00000000:00000000 00:00000000 00000000     0        0 3
   3: 0801010A:01BD 0901010A:D433 01 00000000:00000000 00:00000000 00000000     0        0 4
   4: 0701010A:0016 0901010A:D434 01 00000000:00000000 00:00000000 00000000     0        0 5
   5: 0701010A:01BD 0901010A:D435 06 00000000:00000000 00:00000000 00000000     0        0 6
   6: 0000000000000000FFFF00000701010A:01BD 0000000000000000FFFF00000A01010A:D436 01 00000000:00000000 00:00000000 00000000     0        0 7
   7: B80D0120000000000000000007000000:01BD B80D0120000000000000000009000000:D437 01 00000000:00000000 00:00000000 00000000     0        0 8
   8: short
   9: zz:zz zz:zz 01
`
	own := map[netip.Addr]bool{netip.MustParseAddr("10.1.1.7"): true}
	at := []netip.Addr{netip.MustParseAddr("10.1.1.7"), netip.MustParseAddr("2001:db8::7")}
	if got := countEstablished(bufio.NewScanner(strings.NewReader(table)), at, 445, own); got != 3 {
		t.Errorf("%d connections, want those of lines 1, 6 and 7", got)
	}
}

// TestEstablished: of another machine nobody here can know; of this one, its own
// connections are no clients.
func TestEstablished(t *testing.T) {
	if n, known := Established([]netip.Addr{netip.MustParseAddr("192.0.2.77")}, 445); known {
		t.Errorf("%d connections of another machine", n)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	at := netip.MustParseAddrPort(l.Addr().String())
	if n, known := Established([]netip.Addr{at.Addr()}, at.Port()); !known || n != 0 {
		t.Errorf("Established = %d, %v", n, known)
	}
}
