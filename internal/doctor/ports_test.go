package doctor

import (
	"context"
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
		{"no right", "127.0.0.1:445", "", nil, refuse(syscall.EACCES), expect{Failed, ":445", "CAP_NET_BIND_SERVICE", "setcap cap_net_bind_service=+ep"}},
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
