package adsites

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"

	"go.uber.org/zap"
)

// maxPassword bounds a password file; Active Directory takes 256 characters.
const maxPassword = 4 << 10

// bind proves who asks, as the configuration says.
func (r *Reader) bind(ctx context.Context, s *session, others []target) error {
	b := r.config.Bind
	switch {
	case b == nil:
		return nil
	case b.Method == GSSAPI:
		return r.bindKerberos(ctx, s, others)
	}
	if r.config.TLS.Mode == Off && !isLoopback(s.raw.RemoteAddr()) {
		return fmt.Errorf("bind as %q: the password does not go in the clear to another host: set %stls.mode to ldaps or starttls", b.DN, setting)
	}
	password, err := r.password(b.PasswordFile)
	if err != nil {
		return fmt.Errorf("%sbind.password_file: %w", setting, err)
	}
	if err := s.conn.Bind(b.DN, password); err != nil {
		return explainBind(err, fmt.Sprintf("%q", b.DN), r.config.TLS.Mode)
	}
	return nil
}

func isLoopback(a net.Addr) bool {
	if a == nil {
		return false
	}
	ap, err := netip.ParseAddrPort(a.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// password reads the file anew at each bind, so that a changed password needs
// no restart. One newline at the end is not part of it.
func (r *Reader) password(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	mode := info.Mode().Perm()
	if runtime.GOOS == "windows" || mode&0o007 == 0 {
		mode = 0
	}
	if mode != 0 && mode != r.exposed {
		r.options.Log.Warn("password file is open to everybody on this host", zap.String("path", name), zap.Stringer("mode", mode))
	}
	r.exposed = mode
	text, err := readBounded(name, maxPassword)
	if err != nil {
		return "", err
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if password == "" {
		// A server takes a bind with an empty password as an anonymous one.
		return "", errors.New(name + " is empty")
	}
	return password, nil
}
