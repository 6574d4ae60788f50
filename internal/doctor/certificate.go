package doctor

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// soon is when a certificate that ends is told.
const soon = 30 * 24 * time.Hour

// roots are the authorities that the configuration trusts; nil: the system's.
func (d *doctor) roots() (*x509.CertPool, error) {
	name := d.Directory.TLS.CAFile
	if name == "" {
		return nil, nil //nolint:nilnil // x509 takes none as the system's
	}
	text, err := readBounded(name, maxCAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no PEM certificate", name)
	}
	return pool, nil
}

// judge tells what is wrong with a certificate, and whether a secret may be
// sent to who showed it.
func (d *doctor) judge(r *report, c controller, certs []*x509.Certificate) bool {
	if len(certs) == 0 {
		return true // no TLS: bind decides
	}
	roots, err := d.roots()
	if err != nil {
		r.add(Failed, c.name(), "set sites.ldap.tls.ca_file to a PEM file with the certificate of the authority", "sites.ldap.tls.ca_file cannot be used: %v", err)
		return false
	}
	now, before := d.Now(), len(r.findings)
	good := d.judgeChain(r, c, certs, roots, now)
	if err := certs[0].VerifyHostname(c.host); err != nil {
		r.add(Failed, c.name(), mendCertificate(c.host)+"; or name the server in sites.ldap.url as its certificate does",
			"the certificate is for %s, not for %s", namesOf(certs[0]), c.host)
		good = false
	}
	if left := certs[0].NotAfter.Sub(now); left > 0 && left < soon {
		r.add(Warning, c.name(), mendCertificate(c.host), "the certificate ends in %s, at %s", countOf(int(left.Hours()/24), "day"), day(certs[0].NotAfter))
	}
	if !good && d.Directory.TLS.InsecureSkipVerify {
		for i := range r.findings[before:] {
			r.findings[before+i].Level = Notice // it works in spite of it
		}
		r.add(Warning, c.name(), "set sites.ldap.tls.ca_file and remove insecure_skip_verify", "the certificate is not checked: sites.ldap.tls.insecure_skip_verify is set")
		return true
	}
	return good
}

// judgeChain judges who signed, and when the certificates hold.
func (d *doctor) judgeChain(r *report, c controller, certs []*x509.Certificate, roots *x509.CertPool, now time.Time) bool {
	between := x509.NewCertPool()
	for _, one := range certs[1:] {
		between.AddCert(one)
	}
	_, err := certs[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now})
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case err == nil:
		return true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		d.tellExpired(r, c, invalid.Cert, now)
	case errors.As(err, &unknown):
		last := certs[len(certs)-1]
		r.add(Failed, c.name(), "set sites.ldap.tls.ca_file to a PEM file with the certificate of that authority (Samba: private/tls/ca.pem of the controller)",
			"the certificate is signed by the unknown authority %q", printable(last.Issuer.String()))
	default:
		r.add(Failed, c.name(), mendCertificate(c.host), "the certificate is no good: %s", printable(err.Error()))
	}
	return false
}

func (d *doctor) tellExpired(r *report, c controller, cert *x509.Certificate, now time.Time) {
	if now.Before(cert.NotBefore) {
		r.add(Failed, c.name(), "timedatectl set-ntp true; chronyc makestep", "the certificate holds from %s on only, and this clock says %s", day(cert.NotBefore), day(now))
		return
	}
	r.add(Failed, c.name(), mendCertificate(c.host), "the certificate ended at %s", day(cert.NotAfter))
}

func mendCertificate(host string) string {
	return fmt.Sprintf("give the controller a certificate with the subject alternative name %s (Samba: tls certfile and tls keyfile in smb.conf; Windows: certreq)", host)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

// namesOf lists what a certificate is good for, a handful at most.
func namesOf(cert *x509.Certificate) string {
	names := append([]string(nil), cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no host"
	}
	if len(names) > 8 {
		names = append(names[:8], "others")
	}
	return printable(strings.Join(names, ", "))
}
