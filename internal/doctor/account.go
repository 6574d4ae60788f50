package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"dfsd/internal/smbauth"
)

const (
	// maxAccounts bounds the accounts that one service name may have.
	maxAccounts = 8
	// narrowKVNO is below which a keytab's version may be its lowest byte alone.
	narrowKVNO = 256
	// aesTypes are the bits of msDS-SupportedEncryptionTypes for AES
	// (MS-KILE 2.2.7).
	aesTypes = 0x18
)

// account is one account of the directory.
type account struct {
	dn, name string
	services []string
	kvno     uint32
	hasKVNO  bool
	types    uint64
	hasTypes bool
}

// checkAccounts compares the keytab with what the directory holds, asking the
// first controller that takes the bind.
func (d *doctor) checkAccounts(ctx context.Context, r *report) {
	keys, err := smbauth.LoadKeytab(d.Keytab)
	if err != nil {
		r.skipf("directory", "service names are not looked at: the keytab cannot be read")
		return
	}
	t, base, err := d.bound(ctx)
	if err != nil {
		r.skipf("directory", "service names are not looked at: %s", printable(err.Error()))
		return
	}
	defer t.close()
	told := map[string]bool{}
	for _, name := range d.serviceNames() {
		d.checkService(r, t, base, keys, name, told)
	}
}

// bound returns a connection that may search, and where the domain begins.
func (d *doctor) bound(ctx context.Context) (*talk, string, error) {
	if d.Directory.Bind == nil {
		return nil, "", errors.New("set sites.ldap.bind")
	}
	all, err := d.controllers(ctx)
	if err != nil {
		return nil, "", errors.New("no domain controller is found")
	}
	last := errors.New("no domain controller takes the bind; see the findings about ldap")
	for _, c := range all {
		t, err := d.open(ctx, c)
		if err != nil {
			continue
		}
		base, err := d.enter(t, c)
		if err == nil {
			return t, base, nil
		}
		t.close()
		if errors.Is(err, errGSSAPI) {
			last = errors.New("that takes a simple bind; see `setspn -Q cifs/NAME`")
		}
	}
	return nil, "", last
}

// enter judges, binds and finds the domain.
func (d *doctor) enter(t *talk, c controller) (string, error) {
	unheard := &report{} // the checks of ldap tell
	if !d.judge(unheard, c, t.certs) {
		return "", errors.New("the certificate is no good")
	}
	if err := d.bind(t); err != nil {
		return "", err
	}
	values, err := t.rootDSE("defaultNamingContext")
	if err == nil && values["defaultNamingContext"] == "" {
		err = errors.New("no Active Directory")
	}
	return values["defaultNamingContext"], err
}

// checkService looks for the account that has a service name. told holds the
// accounts whose keys were looked at.
func (d *doctor) checkService(r *report, t *talk, base string, keys *smbauth.Keytab, name string, told map[string]bool) {
	spn := "cifs/" + name
	owners, err := t.owners(base, spn)
	if err == nil && len(owners) == 0 {
		// HOST stands for cifs (sPNMappings, MS-ADTS 6.1.1.2.4.1.1).
		owners, err = t.owners(base, "HOST/"+name)
	}
	switch {
	case err != nil:
		r.skipf(spn, "the directory does not say who has it: %s", searchText(err))
		return
	case len(owners) == 0:
		d.tellMissing(r, keys, name)
		return
	case len(owners) > 1:
		tellDuplicate(r, spn, owners, keys)
		return
	}
	owner := owners[0]
	r.okf(spn, "belongs to the account %s", printable(owner.name))
	if !told[owner.dn] {
		told[owner.dn] = true
		d.checkKeysOf(r, keys, owner)
	}
}

func (d *doctor) tellMissing(r *report, keys *smbauth.Keytab, name string) {
	if !strings.Contains(name, ".") {
		r.add(Notice, "cifs/"+name, "samba-tool spn add cifs/"+name+" "+accountIn(keys), "no account has the short name: clients that use it fall back to NTLM")
		return
	}
	r.add(Failed, "cifs/"+name, fmt.Sprintf("samba-tool spn add cifs/%s %s (Windows: setspn -S cifs/%s %s)", name, accountIn(keys), name, accountIn(keys)),
		"no account of the directory has the service name: clients get no ticket for it")
}

func tellDuplicate(r *report, spn string, owners []account, keys *smbauth.Keytab) {
	var names []string
	wrong := owners[len(owners)-1].name
	for _, o := range owners {
		names = append(names, printable(o.name))
		if _, ours := newestIn(keys, o); !ours {
			wrong = o.name
		}
	}
	r.add(Failed, spn, fmt.Sprintf("samba-tool spn delete %s %s (Windows: setspn -D %s %s)", spn, printable(wrong), spn, printable(wrong)),
		"several accounts have the service name, and the directory gives no ticket for it: %s", strings.Join(names, ", "))
}

// checkKeysOf compares an account's key version and types with the keytab.
func (d *doctor) checkKeysOf(r *report, keys *smbauth.Keytab, a account) {
	name := printable(a.name)
	export := mendExport(d.Keytab, d.exported(keys, a))
	have, ours := newestIn(keys, a)
	switch {
	case !ours:
		r.add(Failed, name, export, "the keytab has no key of the account that has the service name")
	case !a.hasKVNO:
		r.skipf(name, "the directory does not tell the key's version: the account of sites.ldap.bind may not read msDS-KeyVersionNumber")
	case sameVersion(have, a.kvno):
		r.okf(name, "the keytab has the present key, version %d", have)
	case have < a.kvno:
		r.add(Failed, name, export, "the keytab has version %d of the key, and the directory %d: the password was changed since, and tickets do not open", have, a.kvno)
	default:
		r.add(Warning, name, export, "the keytab has version %d of the key, and the directory %d: a keytab of another domain, or the controller lags", have, a.kvno)
	}
	if a.hasTypes && a.types != 0 && a.types&aesTypes == 0 {
		level, refused := d.weakness()
		r.add(level, name, fmt.Sprintf(mendAES, name, name, name)+"; "+export, "msDS-SupportedEncryptionTypes is %d, without AES: the directory gives tickets of RC4, which %s", a.types, refused)
	}
}

// exported is the principal to export: one that the keytab has, or the first
// service name of this host that the account has.
func (d *doctor) exported(keys *smbauth.Keytab, a account) string {
	for _, p := range keys.Principals() {
		if s := service(p); strings.EqualFold(s, a.name) || slices.ContainsFunc(a.services, func(n string) bool { return strings.EqualFold(n, s) }) {
			return s
		}
	}
	return "cifs/" + d.Host
}

// sameVersion compares a version of a keytab, which may hold the lowest byte
// alone, with the directory's.
func sameVersion(keytab, directory uint32) bool {
	return keytab == directory || keytab < narrowKVNO && directory >= narrowKVNO && keytab == directory&0xff
}

// owners returns the accounts that have a service name.
func (t *talk) owners(base, spn string) ([]account, error) {
	filter := "(servicePrincipalName=" + ldap.EscapeFilter(spn) + ")"
	attributes := []string{"sAMAccountName", "servicePrincipalName", "msDS-KeyVersionNumber", "msDS-SupportedEncryptionTypes"}
	found, err := t.Search(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, maxAccounts, 0, false, filter, attributes, nil))
	if err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
		return nil, err
	}
	var owners []account
	for _, e := range found.Entries {
		a := account{dn: e.DN, name: e.GetEqualFoldAttributeValue("sAMAccountName"), services: e.GetEqualFoldAttributeValues("servicePrincipalName")}
		if n, err := strconv.ParseUint(e.GetEqualFoldAttributeValue("msDS-KeyVersionNumber"), 10, 32); err == nil {
			a.kvno, a.hasKVNO = uint32(n), true
		}
		if n, err := strconv.ParseUint(e.GetEqualFoldAttributeValue("msDS-SupportedEncryptionTypes"), 10, 32); err == nil {
			a.types, a.hasTypes = n, true
		}
		owners = append(owners, a)
	}
	return owners, nil
}

// searchText says why a search failed without the server's own text.
func searchText(err error) string {
	var refused *ldap.Error
	if errors.As(err, &refused) && refused.ResultCode < ldap.ErrorNetwork {
		return resultText(refused.ResultCode)
	}
	return "the connection broke"
}
