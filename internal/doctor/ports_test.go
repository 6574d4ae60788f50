package doctor

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"dfsd/internal/lab/standin"
	"dfsd/replication"
)

// talker listens and answers each connection with some bytes, once it has read
// a NEGOTIATE.
func talker(t *testing.T, answer string) string {
	t.Helper()
	return standin.Listen(t, nil, func(conn net.Conn) {
		if _, err := io.ReadFull(conn, make([]byte, len(negotiateRequest))); err == nil {
			_, _ = io.WriteString(conn, answer)
		}
	})
}

func TestNegotiateRequest(t *testing.T) {
	const header, body, dialects = 64, 36, 4
	if got := len(negotiateRequest); got != 4+header+body+dialects {
		t.Fatalf("%d bytes", got)
	}
	if got := int(negotiateRequest[3]); got != header+body+dialects {
		t.Errorf("says %d bytes", got)
	}
}

func TestListen(t *testing.T) {
	const smb = "\x00\x00\x00\x40\xfeSMB rest"
	refuse := func(err error) func(context.Context, string, string) (net.Listener, error) {
		return func(context.Context, string, string) (net.Listener, error) {
			return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", err)}
		}
	}
	for _, tt := range []struct {
		name, address, holder string
		live                  Live
		listen                func(context.Context, string, string) (net.Listener, error)
		want                  expect
	}{
		{"free", "127.0.0.1:0", "", nil, nil, expect{OK, "127.0.0.1:0", "is free for smb.listen", ""}},
		{"free under a daemon", "127.0.0.1:0", "", daemon{}, nil, expect{Failed, "127.0.0.1:0", "does not listen", "systemctl restart dfsd"}},
		{"ours", talker(t, smb), "dfsd (pid 7)", nil, nil, expect{OK, "127", "the daemon has the port and answers SMB", ""}},
		{"ours and mute", talker(t, ""), "dfsd (pid 7)", daemon{}, nil, expect{Failed, "127", "does not answer SMB", "journalctl -u dfsd"}},
		{"ours as it seems", talker(t, smb), "", daemon{}, nil, expect{OK, "127", "the daemon has the port", ""}},
		{"Samba", talker(t, smb), "smbd (pid 7)", nil, nil, expect{Failed, "127", "Samba (smbd (pid 7)) has the port and answers SMB", "bind interfaces only = yes"}},
		{"another", talker(t, "HTTP/1.1 400"), "nginx (pid 7)", daemon{}, nil, expect{Failed, "127", "nginx (pid 7) has the port and does not answer SMB: it speaks something else", "smb.listen"}},
		{"a name like ours", talker(t, smb), "dfsdx (pid 7)", nil, nil, expect{Failed, "127", "dfsdx", "smb.listen"}},
		{"unknown", talker(t, smb), "", nil, nil, expect{Failed, "127", "another server", "ss -ltnp"}},
		{"another's, by the daemon's word", talker(t, smb), "", daemon{listening: []string{"127.9.9.9:445"}}, nil, expect{Failed, "127", "another server", "ss -ltnp"}},
		{"not ours", "192.0.2.9:445", "", nil, refuse(syscall.EADDRNOTAVAIL), expect{Failed, ":445", "it has 10.1.0.7", "set smb.listen"}},
		{"nonsense", "192.0.2.9:445", "", nil, refuse(syscall.EINVAL), expect{Failed, ":445", "invalid argument", "correct smb.listen"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := lab()
			w.holder = func(netip.AddrPort) string { return tt.holder }
			if tt.listen != nil {
				w.listen = tt.listen
			}
			wants(t, examine(t, Options{SMBListen: []string{tt.address}, Live: tt.live, world: w}, Ports), tt.want)
		})
	}
}

// TestListenUntried is of a user who may not bind the port: the system says so
// before it says that the port is taken.
func TestListenUntried(t *testing.T) {
	const smb = "\x00\x00\x00\x40\xfeSMB rest"
	says := func(at ...string) daemon { return daemon{listening: at} }
	served, other, mute, free := talker(t, smb), talker(t, "HTTP/1.1 400"), talker(t, ""), deadAddress(t)
	for _, tt := range []struct {
		name, address, holder string
		live                  Live
		want                  expect
	}{
		{"ours by its word", served, "", says("10.1.0.7:445", served), expect{OK, served, "the daemon has the port and answers SMB", ""}},
		{"ours by its name", served, "dfsd (pid 7)", nil, expect{OK, served, "the daemon has the port and answers SMB", ""}},
		{"a daemon that says nothing of it", served, "", daemon{err: errors.New("gone")}, expect{OK, served, "the daemon has the port", ""}},
		{"ours and mute", mute, "", says(mute), expect{Failed, mute, "the daemon has the port and does not answer SMB", "systemctl restart dfsd"}},
		{"ours and gone", free, "", says(free), expect{Failed, free, "does not take a connection", "systemctl restart dfsd"}},
		{"the daemon is elsewhere", served, "", says("10.1.0.7:445"), expect{Failed, served, "another server has the port", "ss -ltnp"}},
		{"the daemon is elsewhere, and nobody here", free, "", says("10.1.0.7:445"), expect{Failed, free, "does not listen at smb.listen", "journalctl -u dfsd"}},
		{"Samba's", served, "smbd (pid 7)", nil, expect{Failed, served, "Samba (smbd (pid 7)) has the port", "bind interfaces only"}},
		{"somebody's", served, "", nil, expect{Notice, served, "answers SMB; this user may not see whose it is", "sudo dfsd doctor"}},
		{"a web server's", other, "", nil, expect{Notice, other, "does not answer SMB", "sudo dfsd doctor"}},
		{"nobody's", free, "", nil, expect{Notice, free, "cannot be tried as this user", "setcap cap_net_bind_service=+ep"}},
	} {
		for _, errno := range []syscall.Errno{syscall.EACCES, syscall.EPERM} {
			t.Run(tt.name, func(t *testing.T) {
				w := lab()
				w.holder = func(netip.AddrPort) string { return tt.holder }
				w.listen = func(context.Context, string, string) (net.Listener, error) {
					return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", errno)}
				}
				wants(t, examine(t, Options{SMBListen: []string{tt.address}, Live: tt.live, world: w}, Ports), tt.want)
			})
		}
	}
}

// TestNoSuchFamily: the daemon goes without, so long as it has another address.
func TestNoSuchFamily(t *testing.T) {
	w := lab()
	w.listen = func(ctx context.Context, network, address string) (net.Listener, error) {
		if network == "tcp6" {
			return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("socket", syscall.EAFNOSUPPORT)}
		}
		return net.Listen(network, address)
	}
	wants(t, examine(t, Options{SMBListen: []string{"127.0.0.1:0", "[::]:0"}, world: w}, Ports),
		expect{OK, "127.0.0.1:0", "is free", ""}, expect{Notice, "[::]:0", "goes without", "smb.listen"})
	wants(t, examine(t, Options{SMBListen: []string{"[::]:0"}, world: w}, Ports), expect{Failed, "[::]:0", "cannot listen", "smb.listen"})
}

func TestCovers(t *testing.T) {
	for _, tt := range []struct {
		at, address string
		want        bool
	}{
		{"10.1.0.7:445", "10.1.0.7:445", true},
		{"10.1.0.7:445", "10.1.0.8:445", false},
		{"10.1.0.7:445", "0.0.0.0:445", false},
		{"0.0.0.0:445", "10.1.0.7:445", true},
		{"0.0.0.0:445", "10.1.0.7:446", false},
		{"0.0.0.0:445", "[::]:445", false},
		{":445", "10.1.0.7:445", true},
		{":445", "[::1]:445", true},
		{"fs1:445", "fs1:445", true},
		{"fs1:445", "fs2:445", false},
	} {
		if got := covers(tt.at, tt.address); got != tt.want {
			t.Errorf("covers(%q, %q) = %v", tt.at, tt.address, got)
		}
	}
}

func TestReplicationListen(t *testing.T) {
	w := lab()
	w.holder = func(netip.AddrPort) string { return "dfsd (pid 1)" }
	o := Options{Replication: &replication.Config{Listen: talker(t, "")}, world: w}
	wants(t, examine(t, o, Ports), expect{OK, "127", "takes connections", ""})
}

// TestHolder finds this very process.
func TestHolder(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("sockets are told by Linux alone")
	}
	address := talker(t, "")
	at := netip.MustParseAddrPort(address)
	for _, asked := range []netip.AddrPort{at, netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port()), netip.AddrPortFrom(netip.IPv6Unspecified(), at.Port())} {
		if got := holderOf(asked); !strings.HasPrefix(got, "doctor.test (pid ") {
			t.Errorf("holderOf(%v) = %q", asked, got)
		}
	}
	for _, other := range []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.9.9.9"), at.Port()), netip.AddrPortFrom(at.Addr(), 1)} {
		if got := holderOf(other); got != "" {
			t.Errorf("holderOf(%v) = %q", other, got)
		}
	}
}

func TestReachable(t *testing.T) {
	for in, want := range map[string]string{"0.0.0.0:445": "127.0.0.1:445", "[::]:445": "[::1]:445", ":445": "127.0.0.1:445", "10.1.0.7:445": "10.1.0.7:445", "x": "x"} {
		if got := reachable(in); got != want {
			t.Errorf("reachable(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"0.0.0.0:445": "tcp4", "[::]:445": "tcp6", "fs1:445": "tcp"} {
		if got := listenNetwork(in); got != want {
			t.Errorf("listenNetwork(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	look := func() []Finding { return examine(t, Options{AdminSocket: path}, Ports) }
	wants(t, look(), expect{Notice, path, "no daemon runs", "systemctl start dfsd"})
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	wants(t, look(), expect{OK, path, "the daemon answers", ""})
	_ = l.Close()
	wants(t, look(), expect{Warning, path, "a daemon that is gone", "systemctl start dfsd"})
	w := lab()
	w.dial = func(context.Context, string, string) (net.Conn, error) { return nil, fs.ErrPermission }
	wants(t, examine(t, Options{AdminSocket: path, world: w}, Ports), expect{Notice, path, "may not ask", "sudo dfsd doctor"})
}
