package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"dfsd/sites/adsites"
)

func (d *doctor) ldapChecks() []Check {
	if d.Directory == nil {
		return nil
	}
	return []Check{
		check(LDAP, "settings", d.checkBindSettings),
		check(LDAP, "controllers", d.checkControllers),
		check(LDAP, "topology", d.checkReading),
	}
}

// everybody are the bits that let everybody in. A group may read the secret, as the
// reader of the directory has it: the file is then root's, and the daemon cannot
// change it.
const everybody = 0o007

// checkBindSettings looks at what is wrong before anybody is asked.
func (d *doctor) checkBindSettings(_ context.Context, r *report) {
	if d.Directory.TLS.Mode == adsites.Off {
		r.add(Warning, "sites.ldap.tls.mode", "set sites.ldap.tls.mode to ldaps", "the directory is asked without TLS: anybody on the way can forge sites")
	}
	b := d.Directory.Bind
	if b == nil {
		r.add(Notice, "sites.ldap.bind", "set sites.ldap.bind to an account of the domain", "the directory is asked without an account, which Active Directory refuses")
		return
	}
	name, setting := b.PasswordFile, "sites.ldap.bind.password_file"
	if b.Method == adsites.GSSAPI {
		name, setting = b.Keytab, "sites.ldap.bind.keytab"
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.add(Failed, name, "make the file of "+setting+" with mode 0600, or correct the setting", "%s does not exist", setting)
	case err != nil:
		r.add(Failed, name, "chown it to the user that runs the daemon", "%s cannot be read: %v", setting, err)
	case runtime.GOOS != "windows" && info.Mode().Perm()&everybody != 0:
		r.add(Warning, name, "chmod o= "+name, "%s is open to everybody on this host", setting)
	default:
		r.okf(name, "%s is closed to others", setting)
	}
}

// checkControllers looks at each controller by itself. Where one is well,
// those that do not answer are a warning, since the daemon asks the next.
func (d *doctor) checkControllers(ctx context.Context, r *report) {
	all, err := d.controllers(ctx)
	if err != nil {
		r.add(Failed, "controllers", "see the findings about dns, or name the controllers in sites.ldap.url", "no domain controller is found: %v", err)
		return
	}
	type seen struct {
		report
		well bool
	}
	looked := each(all, func(c controller) *seen {
		s := &seen{report: report{area: LDAP}}
		start := time.Now()
		s.well = d.checkController(ctx, &s.report, c)
		for i := range s.findings {
			s.findings[i].Seconds = time.Since(start).Seconds()
		}
		return s
	})
	anyWell := slices.ContainsFunc(looked, func(s *seen) bool { return s.well })
	for _, s := range looked {
		for _, f := range s.findings {
			if anyWell && !s.well && f.Level == Failed {
				f.Level = Warning
			}
			r.findings = append(r.findings, f)
		}
	}
}

// checkController connects, judges and binds; true: the daemon can use it.
func (d *doctor) checkController(ctx context.Context, r *report, c controller) bool {
	t, err := d.open(ctx, c)
	if err != nil {
		d.tellClosed(ctx, r, c, err)
		return false
	}
	defer t.close()
	if !d.judge(r, c, t.certs) {
		return false
	}
	err = d.bind(t)
	if err == nil && d.Directory.Bind == nil {
		_, err = t.rootDSE("currentTime")
	}
	switch {
	case errors.Is(err, errGSSAPI):
		r.okf(c.name(), "answers%s", with(t))
		return true
	case err != nil:
		d.tellBind(r, c, err)
		return false
	case d.Directory.Bind == nil:
		r.okf(c.name(), "answers%s", with(t))
	default:
		r.okf(c.name(), "answers%s, and takes the bind of %s", with(t), d.Directory.Bind.DN)
	}
	return true
}

func with(t *talk) string {
	if len(t.certs) == 0 {
		return " without TLS"
	}
	return " with a certificate that holds until " + day(t.certs[0].NotAfter)
}

// tellClosed says why a controller does not talk, and whether another mode
// would work.
func (d *doctor) tellClosed(ctx context.Context, r *report, c controller, err error) {
	var handshake *handshakeError
	if errors.As(err, &handshake) {
		d.tellHandshake(r, c, handshake.err)
		return
	}
	other, mode := uint16(389), "starttls"
	if c.port == 389 {
		other, mode = 636, "ldaps"
	}
	mend := fmt.Sprintf("on %s: systemctl start samba-ad-dc, and let TCP %d through from this host", c.host, c.port)
	if conn, otherErr := d.dialController(ctx, controller{c.host, other, c.addrs}); otherErr == nil {
		_ = conn.Close() // it answers, and that was the question
		mend = fmt.Sprintf("set sites.ldap.tls.mode to %s: port %d answers; or let TCP %d through", mode, other, c.port)
	}
	r.add(Failed, c.name(), mend, "the controller takes no connection: %v", err)
}

// tellHandshake is about a server that does not get as far as a certificate
// that can be read. A library's text may hold what the server sent.
func (d *doctor) tellHandshake(r *report, c controller, err error) {
	var refused *ldap.Error
	switch {
	case errors.As(err, &refused) && refused.ResultCode < ldap.ErrorNetwork:
		r.add(Failed, c.name(), "set sites.ldap.tls.mode to ldaps, or give the controller a certificate", "the controller does not start TLS: %s", resultText(refused.ResultCode))
	case c.port == 389 && d.Directory.TLS.Mode == adsites.LDAPS:
		r.add(Failed, c.name(), "use port 636 in sites.ldap.url, or set sites.ldap.tls.mode to starttls", "the port does not speak TLS: %s", printable(err.Error()))
	default:
		r.add(Failed, c.name(), mendCertificate(c.host), "TLS does not start; Samba's self-made certificate cannot be checked by any modern client: %s", printable(err.Error()))
	}
}

func resultText(code uint16) string {
	if text, ok := ldap.LDAPResultCodeMap[code]; ok {
		return fmt.Sprintf("LDAP result %d, %s", code, text)
	}
	return fmt.Sprintf("LDAP result %d", code)
}

// logonReason finds the reason within Active Directory's message ("…
// AcceptSecurityContext error, data 52e, v4563").
var logonReason = regexp.MustCompile(`\bdata ([0-9a-f]{2,8})\b`)

// logonReasons are those reasons, and what mends them on a Samba controller.
var logonReasons = map[string][2]string{
	"525": {"there is no such account", "correct sites.ldap.bind.dn"},
	"52e": {"wrong name or password", "write the password to sites.ldap.bind.password_file, or: samba-tool user setpassword %s"},
	"530": {"the account may not log on at this time", "allow %s to log on at all hours"},
	"531": {"the account may not log on from here", "allow %s to log on from this host"},
	"532": {"the password has expired", "samba-tool user setexpiry %s --noexpiry"},
	"533": {"the account is disabled", "samba-tool user enable %s"},
	"701": {"the account has expired", "samba-tool user setexpiry %s --noexpiry"},
	"773": {"the password must be changed first", "samba-tool user setpassword %s"},
	"775": {"the account is locked", "samba-tool user unlock %s"},
}

// tellBind says why a bind was refused, without any text of the server: it may
// echo what it was sent.
func (d *doctor) tellBind(r *report, c controller, err error) {
	who, mend := "", ""
	if d.Directory.Bind != nil {
		who = d.Directory.Bind.DN
	}
	var refused *ldap.Error
	switch {
	case errors.Is(err, errClear):
		r.add(Failed, c.name(), "set sites.ldap.tls.mode to ldaps", "%v", errClear)
	case errors.Is(err, errPassword):
		r.add(Failed, c.name(), "write the password of "+who+" to sites.ldap.bind.password_file", "%v", err)
	case !errors.As(err, &refused) || refused.ResultCode >= ldap.ErrorNetwork:
		r.add(Failed, c.name(), fmt.Sprintf("on %s: systemctl status samba-ad-dc", c.host), "the connection broke during the bind")
	case refused.ResultCode == ldap.LDAPResultStrongAuthRequired || refused.ResultCode == ldap.LDAPResultConfidentialityRequired:
		r.add(Failed, c.name(), "set sites.ldap.tls.mode to ldaps", "the controller refuses what is asked without TLS")
	case refused.ResultCode == ldap.LDAPResultInvalidCredentials:
		reason := logonReasons["52e"]
		if m := logonReason.FindStringSubmatch(refused.Error()); m != nil && logonReasons[m[1]][0] != "" {
			reason = logonReasons[m[1]]
		}
		mend = reason[1]
		if strings.Contains(mend, "%s") {
			mend = fmt.Sprintf(mend, loginOf(who))
		}
		r.add(Failed, c.name(), mend, "the bind of %s is refused: %s", who, reason[0])
	default:
		r.add(Failed, c.name(), "correct sites.ldap.bind", "the bind of %s is refused: %s", who, resultText(refused.ResultCode))
	}
}

// loginOf is the account's name in a DN or a user principal name.
func loginOf(dn string) string {
	if name, _, ok := strings.Cut(dn, "@"); ok {
		return name
	}
	return firstValue(dn)
}

// checkReading reads sites, subnets and links as the daemon does.
func (d *doctor) checkReading(ctx context.Context, r *report) {
	reader := adsites.NewReader(*d.Directory, adsites.Options{Dial: d.dial, Now: d.Now, Locate: func(ctx context.Context) ([]adsites.Server, error) {
		found, err := d.locate(ctx)
		servers := make([]adsites.Server, len(found))
		for i, c := range found {
			servers[i] = adsites.Server{Host: c.Host, Port: c.Port, Addrs: c.Addrs}
		}
		return servers, err
	}})
	defer reader.Close()
	reading, err := reader.Read(ctx)
	if err != nil {
		r.add(Failed, "topology", "see the other findings about ldap; the daemon keeps the last topology meanwhile", "sites, subnets and links cannot be read: %s", printableLong(err.Error()))
		return
	}
	c := reading.Config
	r.okf("topology", "%s, %s, %s read from %s", countOf(len(c.Sites), "site"), countOf(len(c.Subnets), "subnet"), countOf(len(c.Links), "link"), reading.Server)
	odd := slices.DeleteFunc(slices.Clone(reading.Warnings), func(w adsites.Warning) bool {
		return len(c.Sites) < 2 && below(w.DN, linkContainer) // a new domain has one site and a link of it
	})
	for _, w := range odd[:min(len(odd), maxTold)] {
		level, mend := mendObject(w.DN)
		r.add(level, printableLong(w.DN), mend, "odd object in the directory: %s", printableLong(w.Message))
	}
	if more := len(odd) - maxTold; more > 0 {
		r.add(Notice, "topology", "dfsd's log names each: journalctl -u dfsd | grep 'odd object'", "%s more are odd", countOf(more, "object"))
	}
}

// mendObject says what to do about an odd object by where it stands. Clients
// of an odd subnet have no site; an odd link alone may be harmless, as the one
// that every new domain has is.
func mendObject(dn string) (Level, string) {
	name := printable(firstValue(dn))
	switch {
	case below(dn, "Subnets"):
		return Warning, fmt.Sprintf("samba-tool sites subnet set-site %s SITE, or lay it over in sites.static.subnets", name)
	case below(dn, linkContainer):
		return Notice, fmt.Sprintf("Set-ADReplicationSiteLink %s -SitesIncluded @{Add='SITE'}, or lay it over in sites.static.links", name)
	}
	return Notice, "correct it in the directory"
}

// linkContainer holds site links and bridges.
const linkContainer = "Inter-Site Transports"

// parseDN reads a DN, nil where it is none. Some tools escape the slash of a
// prefix, which RFC 4514 does not know.
func parseDN(dn string) []*ldap.RelativeDN {
	parsed, err := ldap.ParseDN(strings.ReplaceAll(dn, `\/`, "/"))
	if err != nil {
		return nil
	}
	return parsed.RDNs
}

func firstValue(dn string) string {
	if parts := parseDN(dn); len(parts) > 0 {
		return parts[0].Attributes[0].Value
	}
	return dn
}

// below tells whether a DN stands below a container of that name.
func below(dn, container string) bool {
	parts := parseDN(dn)
	return len(parts) > 1 && slices.ContainsFunc(parts[1:], func(p *ldap.RelativeDN) bool { return strings.EqualFold(p.Attributes[0].Value, container) })
}
