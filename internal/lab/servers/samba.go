//go:build integration

package servers

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// Account is a user name with its password.
type Account struct {
	User     string
	Password string
}

// Login is the account in the form that Samba's programs take it after -U.
func (a Account) Login() string { return a.User + "%" + a.Password }

// Share is one share of a Samba server.
type Share struct {
	Name    string
	Files   map[string]string // slash-separated path to content; one that ends in a slash is a folder
	Folders []Folder          // DFS links; any makes the share an `msdfs root`
	Options []string          // further lines of the share's section
	Path    string            // of a folder that is there already, or is to be missing; "": a fresh one
}

// Folder is one link of a namespace, as both Samba and dfsd can serve it.
type Folder struct {
	Path    string   // `a\b`, relative to the namespace
	Targets []string // `\\host\share\dir`, in order
}

// SambaSetup says what a Samba server serves.
type SambaSetup struct {
	Addr   netip.Addr
	Dir    string    // of all that it writes, and of the fresh folders of shares
	Users  []Account // users of this system that get a password here
	Global []string  // further lines of [global]
	Shares []Share
}

// Samba is one smbd, a standalone server.
type Samba struct {
	*Process
	Addr   netip.Addr
	dir    string
	config string // path of smb.conf
}

// StartSamba starts a server and waits until it accepts connections. It lasts
// until the test ends, or Stop.
func StartSamba(t TB, s SambaSetup) *Samba {
	t.Helper()
	srv := &Samba{Addr: s.Addr, dir: s.Dir}
	text, err := s.config()
	if err == nil {
		srv.config, err = writeFile(s.Dir, "smb.conf", text)
	}
	if err != nil {
		t.Fatalf("set up Samba at %s: %v", s.Addr, err)
	}
	for _, u := range s.Users {
		out := Run(t.Context(), Command{
			Program: "smbpasswd", Args: []string{"-c", srv.config, "-s", "-a", u.User}, Stdin: u.Password + "\n" + u.Password + "\n",
		})
		if !out.OK() {
			t.Fatalf("%s", out)
		}
	}
	srv.Start(t)
	return srv
}

// Start starts a stopped server again, as it was set up, and waits until it
// accepts connections. It lasts until this test ends, or Stop.
func (s *Samba) Start(t TB) {
	t.Helper()
	s.Process = Start(t, "samba-"+s.Addr.String(), Command{
		Program: "smbd", Args: []string{"-s", s.config, "--foreground", "--no-process-group", "--debug-stdout"}, Dir: s.dir,
	})
	s.Await("port 445", func() error { return Listens(netip.AddrPortFrom(s.Addr, 445)) })
}

// Stop ends the server as a power cut does: from now on its address refuses.
func (s *Samba) Stop() { s.Kill() }

// Listens returns an error unless someone accepts connections at an address.
func Listens(a netip.AddrPort) error {
	c, err := net.DialTimeout("tcp", a.String(), Patience/3)
	if err != nil {
		return err
	}
	return c.Close()
}

func (s SambaSetup) config() (string, error) {
	lines := []string{
		"[global]",
		"workgroup = LAB",
		"netbios name = SAMBA" + strings.ReplaceAll(s.Addr.String(), ".", "-"),
		"server role = standalone server",
	}
	for _, name := range []string{"private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir"} {
		first, _, _ := strings.Cut(name, " ")
		dir := filepath.Join(s.Dir, first)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		lines = append(lines, name+" = "+dir)
	}
	lines = append(lines, "host msdfs = yes")
	lines = append(lines, listening(s.Addr)...)
	lines = append(lines, s.Global...)
	for _, share := range s.Shares {
		path, err := share.fill(s.Dir)
		if err != nil {
			return "", err
		}
		lines = append(lines, "["+share.Name+"]", "path = "+path)
		if len(share.Folders) > 0 {
			lines = append(lines, "msdfs root = yes")
		}
		lines = append(lines, share.Options...)
	}
	return strings.Join(lines, "\n") + "\n", nil
}

// listening are the lines of [global] of a server that is met at one address and
// at port 445 only.
func listening(a netip.Addr) []string {
	bits := a.BitLen()
	if a.Is4() && a.IsLoopback() {
		bits = 8 // the loopback interface has all of 127.0.0.0/8, and names one
	}
	return []string{
		"log level = 1",
		fmt.Sprintf("interfaces = %s/%d", a, bits),
		"bind interfaces only = yes",
		"disable netbios = yes",
		"smb ports = 445",
		"load printers = no",
		"disable spoolss = yes",
	}
}

// fill makes the folder behind a share: its files, and its links as Samba keeps
// them, symbolic links to `msdfs:host\share,host\share`.
func (s Share) fill(dir string) (root string, err error) {
	if root = s.Path; root == "" {
		root = filepath.Join(dir, "share-"+s.Name)
		if err := os.MkdirAll(root, 0o755); err != nil {
			return "", err
		}
	}
	for name, content := range s.Files {
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(filepath.Join(root, name), 0o755)
		} else {
			_, err = writeFile(root, name, content)
		}
		if err != nil {
			return "", err
		}
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
			return "", err
		}
	}
	return root, nil
}

// writeFile writes a file below a folder, making the folders in between, and
// returns its path.
func writeFile(dir, name, content string) (string, error) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	return path, errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644))
}
