package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// listenSMB listens on one address of smb.listen. An IPv6 address takes IPv6
// alone, so that 0.0.0.0 and [::] go together.
func listenSMB(addr string) (net.Listener, error) {
	network := "tcp"
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		network = "tcp6"
		if ap.Addr().Is4() {
			network = "tcp4"
		}
	}
	l, err := net.Listen(network, addr)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, withHint(fmt.Errorf("listen for SMB clients: %w", err),
			"another server holds the port (see `ss -ltnp`); give Samba or dfsd an address of its own")
	case errors.Is(err, fs.ErrPermission):
		return nil, withHint(fmt.Errorf("listen for SMB clients: %w", err),
			"ports below 1024 need CAP_NET_BIND_SERVICE: run as root, or `setcap cap_net_bind_service=+ep` on the binary")
	}
	return nil, fmt.Errorf("listen for SMB clients: %w", err)
}

// readToken reads the secret of admin.token_file. No file: no token.
func readToken(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := readSecret("admin.token_file", path)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(text)
	if token == "" {
		return "", fmt.Errorf("admin.token_file %s is empty", path)
	}
	return token, nil
}
