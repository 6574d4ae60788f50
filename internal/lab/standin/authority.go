package standin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Authority is a certificate authority of one test. It holds for longer than
// any certificate that a test calls good for long.
type Authority struct{ own tls.Certificate }

// NewAuthority makes one of a common name.
func NewAuthority(name string) *Authority {
	return &Authority{issue(nil, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(1000 * 24 * time.Hour),
		IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	})}
}

// Server is the TLS of a server whose certificate names hosts, by name or
// address, and ends, or has ended, at until.
func (a *Authority) Server(until time.Time, hosts ...string) *tls.Config {
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: "a server"}, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, h)
		}
	}
	return &tls.Config{Certificates: []tls.Certificate{issue(&a.own, c)}}
}

// File writes the authority's certificate to a file of the test and returns
// where.
func (a *Authority) File(t TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := writePEM(path, 0o644, "CERTIFICATE", a.own.Certificate[0]); err != nil {
		t.Fatal(err)
	}
	return path
}

// Files are the paths of PEM files.
type Files struct {
	CA, Certificate, Key string
}

// Write makes the certificate of a server, as Server does, for a real one: in
// a folder, by the names of Samba's own.
func (a *Authority) Write(dir string, until time.Time, hosts ...string) (Files, error) {
	f := Files{CA: filepath.Join(dir, "ca.pem"), Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	server := a.Server(until, hosts...).Certificates[0]
	return f, errors.Join(
		os.MkdirAll(dir, 0o755),
		writePEM(f.CA, 0o644, "CERTIFICATE", a.own.Certificate[0]),
		writePEM(f.Certificate, 0o644, "CERTIFICATE", server.Certificate[0]),
		writePEM(f.Key, 0o600, "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(server.PrivateKey))),
	)
}

func writePEM(path string, mode os.FileMode, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

// issue makes a key and signs its certificate by a parent, nil for itself.
func issue(parent *tls.Certificate, c *x509.Certificate) tls.Certificate {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	if parent == nil {
		parent = &tls.Certificate{PrivateKey: key, Leaf: c}
	}
	c.NotBefore, c.BasicConstraintsValid = time.Now().Add(-100*time.Hour), true
	der := must(x509.CreateCertificate(rand.Reader, c, parent.Leaf, key.Public(), parent.PrivateKey))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: must(x509.ParseCertificate(der))}
}

// must is for what fails only where a test asks for a certificate that cannot
// be.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
