package doctor

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"dfsd/internal/netaddr"
)

// maxSockets bounds the lines of a table of sockets.
const maxSockets = 1 << 20

// holderOf names the process that keeps others from listening at an address,
// "smbd (pid 77)", or "".
func holderOf(at netip.AddrPort) string { return holderBelow("/proc", at) }

// holderBelow finds the process by the inode of its socket: one that listens at
// the very address, or else at all of them, or, where all of them are asked for,
// at any.
func holderBelow(proc string, at netip.AddrPort) string {
	var exact, wild, other []listener
	for _, table := range []string{"tcp", "tcp6"} {
		for _, l := range listeners(filepath.Join(proc, "net", table), at.Port()) {
			switch {
			case l.addr == at.Addr().Unmap():
				exact = append(exact, l)
			case l.addr.IsUnspecified():
				wild = append(wild, l)
			case at.Addr().IsUnspecified():
				other = append(other, l)
			}
		}
	}
	for _, some := range [][]listener{exact, wild, other} {
		if who := holderOfAny(proc, some); who != "" {
			return who
		}
	}
	return ""
}

// listener is a socket that listens.
type listener struct {
	addr  netip.Addr
	inode string
}

// holderOfAny names the first process that has one of some sockets open.
func holderOfAny(proc string, some []listener) string {
	if len(some) == 0 {
		return ""
	}
	inodes := map[string]bool{}
	for _, l := range some {
		inodes[l.inode] = true
	}
	processes, _ := filepath.Glob(filepath.Join(proc, "[0-9]*")) // the pattern is sound
	for _, p := range processes {
		if !holds(p, inodes) {
			continue
		}
		name, err := os.ReadFile(filepath.Join(p, "comm"))
		if err != nil {
			continue
		}
		return fmt.Sprintf("%s (pid %s)", printable(strings.TrimSpace(string(name))), filepath.Base(p))
	}
	return ""
}

// listeners returns the sockets in state LISTEN (0A) on a port:
//
//	sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …
func listeners(table string, port uint16) (all []listener) {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 0; lines.Scan() && n < maxSockets; n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != "0A" {
			continue
		}
		if at := netaddr.FromProc(fields[1]); at.IsValid() && at.Port() == port {
			all = append(all, listener{at.Addr(), fields[9]})
		}
	}
	return all
}

// holds tells whether a process has one of the sockets open.
func holds(process string, inodes map[string]bool) bool {
	open, err := os.ReadDir(filepath.Join(process, "fd"))
	if err != nil {
		return false // another user's, or gone
	}
	for _, fd := range open {
		link, err := os.Readlink(filepath.Join(process, "fd", fd.Name()))
		if err != nil {
			continue
		}
		inode, isSocket := strings.CutPrefix(link, "socket:[")
		if isSocket && inodes[strings.TrimSuffix(inode, "]")] {
			return true
		}
	}
	return false
}
