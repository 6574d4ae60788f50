package adsites

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/go-ldap/ldap/v3"
	"github.com/go-ldap/ldap/v3/gssapi"
	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/keytab"
)

const (
	// maxKeytab bounds a keytab file; a key takes about 100 bytes.
	maxKeytab = 1 << 20
	portKDC   = "88"
)

// bindKerberos binds with a ticket for ldap/HOST that the controllers
// themselves give out (RFC 4752). It stands within TLS: see Reader.
func (r *Reader) bindKerberos(ctx context.Context, s *session, others []target) error {
	text, err := readBounded(r.config.Bind.Keytab, maxKeytab)
	if err != nil {
		return fmt.Errorf("%sbind.keytab: %w", setting, err)
	}
	keys := keytab.New()
	if err := unmarshalKeytab(keys, text); err != nil {
		return fmt.Errorf("%sbind.keytab: %s is no keytab", setting, r.config.Bind.Keytab)
	}
	name, realm, err := principal(keys)
	if err != nil {
		return fmt.Errorf("%sbind.keytab: %s: %w", setting, r.config.Bind.Keytab, err)
	}
	who := name + "@" + realm
	kdc, err := r.findKDC(ctx, name, realm, s, others)
	if err != nil {
		return fmt.Errorf("bind as %s with Kerberos: %w", who, err)
	}
	krb, err := config.NewFromString(kerberosConfig(realm, kdc))
	if err != nil {
		return fmt.Errorf("make the Kerberos configuration of %s: %w", realm, err)
	}
	c := &gssapi.Client{Client: client.NewWithKeytab(name, realm, keys, krb, client.DisablePAFXFAST(true))}
	defer c.Destroy()
	err = caught(func() error { return s.conn.GSSAPIBind(c, "ldap/"+serviceHost(s), "") })
	if err != nil {
		return explainKerberos(err, who)
	}
	return nil
}

// caught does work, whose panic is an error. What a controller answers about
// tickets comes in the clear, from anybody on the way, and the Kerberos library
// believes its lengths.
func caught(work func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("malformed answer about a ticket")
		}
	}()
	return work()
}

// explainKerberos says why a bind was refused: a server's text is left out, as
// in explainBind, and what the Kerberos library says is kept.
func explainKerberos(err error, who string) error {
	var refused *ldap.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("bind as %s with Kerberos: %w", who, err)
	}
	if refused.ResultCode == ldap.LDAPResultStrongAuthRequired {
		return fmt.Errorf("bind as %s with Kerberos: the server takes it without channel binding within TLS no more: "+
			"use a simple bind, or allow it (Samba: ldap server require strong auth = allow_sasl_over_tls)", who)
	}
	return fmt.Errorf("%w (Kerberos)", explainBind(err, who, LDAPS))
}

// unmarshalKeytab reads a file that a person may have put there by mistake; the
// library trusts its lengths.
func unmarshalKeytab(k *keytab.Keytab, text []byte) error {
	return caught(func() error { return k.Unmarshal(text) })
}

// principal chooses whose key to use: the first of one part, such as HOST$ or
// svc-dfsd, for a domain controller gives no first ticket to a service name.
func principal(k *keytab.Keytab) (name, realm string, err error) {
	for _, e := range k.Entries {
		if len(e.Principal.Components) == 1 {
			return e.Principal.Components[0], e.Principal.Realm, nil
		}
	}
	if len(k.Entries) == 0 {
		return "", "", errors.New("it holds no key")
	}
	first := k.Entries[0].Principal
	return strings.Join(first.Components, "/"), first.Realm, nil
}

// serviceHost returns the DNS name in the service principal: a server that was
// named by its address says it itself.
func serviceHost(s *session) string {
	if _, err := netip.ParseAddr(s.target.Host); err == nil && s.root.dnsHostName != "" {
		return s.root.dnsHostName
	}
	return s.target.Host
}

// kerberosConfig is a krb5.conf in which kdc alone gives out tickets, over TCP.
func kerberosConfig(realm, kdc string) string {
	return fmt.Sprintf("[libdefaults]\n default_realm = %[1]s\n dns_lookup_kdc = false\n dns_lookup_realm = false\n udp_preference_limit = 1\n"+
		"[realms]\n %[1]s = {\n  kdc = %[2]s\n }\n", realm, kdc)
}
