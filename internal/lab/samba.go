//go:build integration

package lab

import "dfsd/internal/lab/servers"

type (
	// Samba is one smbd, a standalone server.
	Samba = servers.Samba
	// SambaSetup says what a Samba server serves.
	SambaSetup = servers.SambaSetup
	// Share is one share of a Samba server.
	Share = servers.Share
	// Folder is one link of a namespace, as both Samba and dfsd can serve it.
	Folder = servers.Folder
)

// Samba starts a server that knows Alice and waits until it accepts connections.
// It lasts until the test ends, or Stop. Without an address it gets a fresh one.
func (l *Lab) Samba(s SambaSetup) *Samba {
	l.t.Helper()
	if !s.Addr.IsValid() {
		s.Addr = l.Address()
	}
	s.Dir = l.Dir("samba-" + s.Addr.String())
	s.Global = append([]string{"passdb backend = smbpasswd:" + passdbFile}, s.Global...)
	return servers.StartSamba(l.t, s)
}
