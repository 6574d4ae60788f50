//go:build integration

package lab

import (
	"net/netip"
	"path/filepath"
	"time"

	"dfsd/internal/lab/servers"
	"dfsd/internal/lab/standin"
)

// writeCertificates makes an authority and a certificate that it signs for two
// names and an address, in the files where Samba looks for its own.
func writeCertificates(dir, host, domain string, a netip.Addr) error {
	_, err := standin.NewAuthority("Laboratory Authority").Write(dir, time.Now().Add(24*time.Hour), host, domain, a.String())
	return err
}

// certificateFiles are those that writeCertificates made in a folder.
func certificateFiles(dir string) *servers.TLSFiles {
	return &servers.TLSFiles{
		CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"),
	}
}
