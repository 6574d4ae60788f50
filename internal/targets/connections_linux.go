package targets

import (
	"bufio"
	"net"
	"net/netip"
	"os"
	"strings"

	"dfsd/internal/netaddr"
)

// maxSockets bounds the lines of a table of sockets.
const maxSockets = 1 << 20

// Established counts the connections that others have to one of some addresses
// of this machine, at a port. It is false where none of the addresses is this
// machine's, or its sockets cannot be read: then nobody here can know.
func Established(at []netip.Addr, port uint16) (int, bool) {
	own := ownAddrs()
	here := false
	for _, a := range at {
		here = here || own[a.Unmap()]
	}
	if !here {
		return 0, false
	}
	n := 0
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			return 0, false
		}
		n += countEstablished(bufio.NewScanner(f), at, port, own)
		_ = f.Close() // it was read
	}
	return n, true
}

func ownAddrs() map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return own
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own[p.Addr().Unmap()] = true
		}
	}
	return own
}

// countEstablished counts the sockets in state ESTABLISHED (01) of a table of the
// kernel. Those whose other end is this machine are its own probes.
//
//	sl local_address rem_address st …
func countEstablished(lines *bufio.Scanner, at []netip.Addr, port uint16, own map[netip.Addr]bool) int {
	n := 0
	for read := 0; lines.Scan() && read < maxSockets; read++ {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != "01" {
			continue
		}
		local, remote := netaddr.FromProc(fields[1]), netaddr.FromProc(fields[2])
		if local.Port() != port || own[remote.Addr()] {
			continue
		}
		for _, a := range at {
			if a.Unmap() == local.Addr() {
				n++
				break
			}
		}
	}
	return n
}
