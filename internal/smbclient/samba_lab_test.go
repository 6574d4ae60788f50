//go:build integration

package smbclient

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"

	"dfsd/internal/lab/servers"
	"dfsd/internal/smb2"
)

// sambaUser is known to every server of startSamba.
var sambaUser = Credentials{User: "root", Password: "secret"}

// startSamba runs a server with extra global settings until the test ends.
func startSamba(t *testing.T, addr, global string) {
	t.Helper()
	a, target := netip.MustParseAddr(addr), t.TempDir()
	servers.AddAddress(t, a)
	servers.StartSamba(t, servers.SambaSetup{
		Addr: a, Dir: t.TempDir(), Users: []servers.Account{{User: sambaUser.User, Password: sambaUser.Password}}, Global: []string{global},
		Shares: []servers.Share{
			{Name: "dfs", Files: map[string]string{"folder/": ""}, Options: []string{"read only = yes"}, Folders: []servers.Folder{
				{Path: "link1", Targets: []string{`\\10.0.0.1\target`}},
				{Path: "link2", Targets: []string{`\\10.0.0.1\nosuch`, `\\10.0.0.2\target`}},
			}},
			{Name: "target", Path: target, Files: map[string]string{"sub/": ""}, Options: []string{"read only = no"}},
			{Name: "sealed", Path: target, Options: []string{"smb encrypt = required"}},
		},
	})
}

// stripper is a man in the middle who replaces every dialect from 3.0 on in an
// offer by 2.1.
type stripper struct {
	net.Conn
	offered bool
}

func (s *stripper) dial(ctx context.Context, addr string, o Options) (*Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", net.JoinHostPort(addr, DefaultPort))
	if err != nil {
		return nil, err
	}
	s.Conn = nc
	c, err := Open(ctx, s, addr, o)
	if err != nil {
		return nil, err
	}
	return c, c.Logon(ctx)
}

func (s *stripper) Write(b []byte) (int, error) {
	if s.offered {
		return s.Conn.Write(b)
	}
	s.offered = true
	b = slices.Clone(b)
	const count, dialects = smb2.FrameHeaderSize + smb2.HeaderSize + 2, smb2.FrameHeaderSize + smb2.HeaderSize + 36
	for i := range int(binary.LittleEndian.Uint16(b[count:])) {
		at := b[dialects+2*i:]
		if smb2.Dialect(binary.LittleEndian.Uint16(at)).Is3x() {
			binary.LittleEndian.PutUint16(at, uint16(smb2.Dialect210))
		}
	}
	return s.Conn.Write(b)
}
