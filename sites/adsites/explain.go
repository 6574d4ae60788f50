package adsites

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// explainTLS says what is wrong with a certificate and which setting is about
// it. The error wrapped stays for errors.As.
func explainTLS(err error, t target, c TLSConfig) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("the certificate of %s is signed by %s, which %s does not hold: put that CA's certificate into %stls.ca_file (%w)",
			t.name, issuer(unknown.Cert, err), trusted(c), setting, err)
	case errors.As(err, &name):
		return fmt.Errorf("the certificate of %s is for %s, not for %s: name the server in %surl as its certificate does (%w)",
			t.name, namesOf(name.Certificate), t.Host, setting, err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the certificate of %s, or one above it, is valid from %s to %s only: renew it, or set this host's clock (%w)",
			t.name, day(invalid.Cert, true), day(invalid.Cert, false), err)
	case errors.As(err, &noTLS):
		return fmt.Errorf("%s does not speak TLS there: see the port, or %stls.mode (%w)", t.name, setting, err)
	}
	return fmt.Errorf("start TLS with %s: %w", t.name, err)
}

// issuer names who signed the last certificate that was shown, for that is
// the one that misses its parent.
func issuer(cert *x509.Certificate, err error) string {
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) && len(verification.UnverifiedCertificates) > 0 {
		shown := verification.UnverifiedCertificates
		cert = shown[len(shown)-1]
	}
	if cert == nil {
		return "an unknown CA"
	}
	return fmt.Sprintf("%q", cert.Issuer.String())
}

func trusted(c TLSConfig) string {
	if c.CAFile == "" {
		return "the system's list of CAs"
	}
	return c.CAFile
}

// namesOf lists the names that a certificate is good for, a handful at most.
func namesOf(cert *x509.Certificate) string {
	if cert == nil {
		return "other names"
	}
	names := append([]string(nil), cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0:
		return fmt.Sprintf("no host (it has a subject %q, but no subject alternative name)", cert.Subject.String())
	case len(names) > 8:
		names = append(names[:8], "others")
	}
	return strings.Join(names, ", ")
}

func day(cert *x509.Certificate, first bool) string {
	switch {
	case cert == nil:
		return "?"
	case first:
		return cert.NotBefore.UTC().Format("2006-01-02 15:04")
	}
	return cert.NotAfter.UTC().Format("2006-01-02 15:04")
}

// resultText names a result code, never what the server wrote beside it: that
// is the server's text, and might hold anything.
func resultText(code uint16) string {
	if text, ok := ldap.LDAPResultCodeMap[code]; ok {
		return fmt.Sprintf("LDAP result %d, %s", code, text)
	}
	return fmt.Sprintf("LDAP result %d", code)
}

// logonReason finds the reason that Active Directory gives for a refused bind
// within its message ("… AcceptSecurityContext error, data 52e, v4563").
var logonReason = regexp.MustCompile(`\bdata ([0-9a-f]{2,8})\b`)

func reasonText(data string) string {
	switch data {
	case "525":
		return "no such account"
	case "52e":
		return "wrong name or password"
	case "530":
		return "the account may not log on at this time"
	case "531":
		return "the account may not log on from here"
	case "532":
		return "the password has expired"
	case "533":
		return "the account is disabled"
	case "701":
		return "the account has expired"
	case "773":
		return "the password must be changed first"
	case "775":
		return "the account is locked"
	}
	return "wrong name or password"
}

// explainBind says why a bind was refused, without any text that the server
// chose: it may echo what it was sent.
func explainBind(err error, who string, mode TLSMode) error {
	var refused *ldap.Error
	if !errors.As(err, &refused) || refused.ResultCode >= ldap.ErrorNetwork {
		return fmt.Errorf("bind as %s: the connection broke", who)
	}
	switch refused.ResultCode {
	case ldap.LDAPResultInvalidCredentials:
		var data string
		if m := logonReason.FindStringSubmatch(refused.Error()); m != nil {
			data = m[1]
		}
		return fmt.Errorf("bind as %s: %s", who, reasonText(data))
	case ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired:
		hint := ""
		if mode == Off {
			hint = ": set " + setting + "tls.mode to ldaps or starttls"
		}
		return fmt.Errorf("bind as %s: the server wants a protected connection%s", who, hint)
	}
	return fmt.Errorf("bind as %s: %s", who, resultText(refused.ResultCode))
}

// explainSearch says why a search failed, in a line.
func explainSearch(err error, base string) error {
	var refused *ldap.Error
	if !errors.As(err, &refused) || refused.ResultCode >= ldap.ErrorNetwork {
		return fmt.Errorf("search %q: %w", base, err)
	}
	switch refused.ResultCode {
	case ldap.LDAPResultOperationsError, ldap.LDAPResultInsufficientAccessRights:
		return fmt.Errorf("search %q: %w: may this account read it? see %sbind", base, &resultError{refused.ResultCode}, setting)
	}
	return fmt.Errorf("search %q: %w", base, &resultError{refused.ResultCode})
}

// resultError is a result of the server other than success.
type resultError struct{ code uint16 }

func (e *resultError) Error() string { return resultText(e.code) }

// hasResult reports whether err is a result of the server with this code.
func hasResult(err error, code uint16) bool {
	var r *resultError
	return errors.As(err, &r) && r.code == code
}
