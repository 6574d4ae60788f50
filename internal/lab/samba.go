//go:build integration

package lab

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Share is one share of a Samba server.
type Share struct {
	Name    string
	Files   map[string]string // slash-separated path to content
	Folders []Folder          // DFS links; any makes the share an `msdfs root`
	Options []string          // further lines of the share's section
	Path    string            // of a folder that is there already; "": a fresh one
}

// Folder is one link of a namespace, as both Samba and dfsd can serve it.
type Folder struct {
	Path    string   // `a\b`, relative to the namespace
	Targets []string // `\\host\share\dir`, in order
}

// SambaSetup says what a Samba server serves. The zero value of Addr takes a
// fresh address.
type SambaSetup struct {
	Addr   netip.Addr
	Global []string // further lines of [global]
	Shares []Share
}

// Samba is one running smbd, a standalone server that knows Alice.
type Samba struct {
	Addr netip.Addr
	proc *process
}

// Samba starts a server and waits until it accepts connections. It lasts until
// the test ends, or Stop.
func (l *Lab) Samba(s SambaSetup) *Samba {
	l.t.Helper()
	if !s.Addr.IsValid() {
		s.Addr = l.Address()
	}
	name := "samba-" + s.Addr.String()
	dir := l.Dir(name)
	config := l.WriteFile(dir, "smb.conf", l.sambaConfig(dir, s))
	srv := &Samba{Addr: s.Addr}
	srv.proc = l.start(name, nil, "smbd", "-s", config, "--foreground", "--no-process-group", "--debug-stdout")
	srv.proc.await("port 445", func() error { return listens(s.Addr) })
	return srv
}

// Stop ends the server as a power cut does: from now on its address refuses.
func (s *Samba) Stop() { s.proc.kill() }

func (l *Lab) sambaConfig(dir string, s SambaSetup) string {
	l.t.Helper()
	lines := []string{
		"[global]",
		"workgroup = LAB",
		"netbios name = SAMBA" + strings.ReplaceAll(s.Addr.String(), ".", "-"),
		"server role = standalone server",
		"passdb backend = smbpasswd:" + passdbFile,
		"private dir = " + l.Dir(filepath.Base(dir)+"/private"),
		"lock directory = " + l.Dir(filepath.Base(dir)+"/lock"),
		"state directory = " + l.Dir(filepath.Base(dir)+"/state"),
		"cache directory = " + l.Dir(filepath.Base(dir)+"/cache"),
		"pid directory = " + l.Dir(filepath.Base(dir)+"/pid"),
		"ncalrpc dir = " + l.Dir(filepath.Base(dir)+"/ncalrpc"),
		"log level = 1",
		"host msdfs = yes",
		"interfaces = " + s.Addr.String() + "/32",
		"bind interfaces only = yes",
		"disable netbios = yes",
		"smb ports = 445",
		"load printers = no",
		"disable spoolss = yes",
	}
	lines = append(lines, s.Global...)
	for _, share := range s.Shares {
		lines = append(lines, "["+share.Name+"]", "path = "+l.shareDir(dir, share))
		if len(share.Folders) > 0 {
			lines = append(lines, "msdfs root = yes")
		}
		lines = append(lines, share.Options...)
	}
	return strings.Join(lines, "\n") + "\n"
}

// shareDir makes the folder behind a share: its files, and its links as Samba
// keeps them, symbolic links to `msdfs:host\share,host\share`.
func (l *Lab) shareDir(dir string, s Share) string {
	l.t.Helper()
	root := s.Path
	if root == "" {
		root = l.Dir(filepath.Join(filepath.Base(dir), "share-"+s.Name))
	}
	for name, content := range s.Files {
		l.WriteFile(root, name, content)
	}
	for _, f := range s.Folders {
		path := filepath.Join(root, filepath.FromSlash(strings.ReplaceAll(f.Path, `\`, "/")))
		var targets []string
		for _, target := range f.Targets {
			targets = append(targets, strings.TrimPrefix(target, `\\`))
		}
		err := errors.Join(
			os.MkdirAll(filepath.Dir(path), 0o755),
			os.Symlink("msdfs:"+strings.Join(targets, ","), path))
		if err != nil {
			l.t.Fatal(err)
		}
	}
	return root
}

// listens returns an error unless someone accepts connections at port 445 of
// an address.
func listens(a netip.Addr) error {
	c, err := net.DialTimeout("tcp", netip.AddrPortFrom(a, 445).String(), time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}

// hup makes a server read its configuration again.
func (p *process) hup() { p.signal(syscall.SIGHUP) }
