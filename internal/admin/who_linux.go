package admin

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerUID asks the system who opened the other end of a unix socket.
func peerUID(c *net.UnixConn) (uid int, known bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	var peer *unix.Ucred
	var asked error
	err = raw.Control(func(fd uintptr) { peer, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err != nil || asked != nil {
		return 0, false
	}
	return int(peer.Uid), true
}
