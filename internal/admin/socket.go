package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrSocketInUse says that another daemon answers on the socket.
var ErrSocketInUse = errors.New("another dfsd answers on this socket")

// ListenSocket opens the admin socket at path, readable and writable for its
// owner alone (and so for root). A socket that a killed daemon left behind is
// replaced; one that still answers is ErrSocketInUse. Missing folders are made
// with mode 0700.
func ListenSocket(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make folder of admin socket: %w", err)
	}
	if err := removeDead(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on admin socket %s: %w", path, err)
	}
	// Between bind and chmod the umask guards it; the folder may not.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protect admin socket %s: %w", path, err), l.Close())
	}
	return l, nil
}

// removeDead removes a socket file on which nobody listens any more.
func removeDead(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at admin socket: %w", err)
	}
	if st.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("admin socket %s: a file that is no socket stands there; remove it or set admin.socket", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		return errors.Join(fmt.Errorf("admin socket %s: %w", path, ErrSocketInUse), c.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("admin socket %s: %w", path, err)
	}
	return os.Remove(path)
}
