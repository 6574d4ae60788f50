package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"dfsd/internal/smbauth"
)

// mendAES lets an account have AES keys: msDS-SupportedEncryptionTypes 24.
const mendAES = "net ads enctypes set %s 24 (Windows: Set-ADUser %s -KerberosEncryptionType AES128,AES256), then samba-tool user setpassword %s"

func (d *doctor) kerberosChecks() []Check {
	if len(d.SMBListen) == 0 && d.Keytab == "" && d.UsersFile == "" {
		return nil
	}
	checks := []Check{check(Kerberos, "log-on", d.checkLogon)}
	if d.UsersFile != "" {
		checks = append(checks, check(Kerberos, d.UsersFile, d.checkUsers))
	}
	if d.Keytab != "" {
		checks = append(checks, check(Kerberos, d.Keytab, d.checkKeytab))
	}
	if d.Keytab != "" && d.Directory != nil && d.Directory.Mapping == nil {
		checks = append(checks, check(Kerberos, "directory", d.checkAccounts))
	}
	return checks
}

// checkLogon tells a server that nobody can log on to.
func (d *doctor) checkLogon(_ context.Context, r *report) {
	switch {
	case d.Keytab == "" && d.UsersFile == "" && !d.Guest:
		r.add(Failed, "log-on", "set smb.keytab, or smb.users_file and: dfsd user set NAME", "nobody can log on: there is no keytab, no users file, and no guest")
	case d.Keytab == "":
		r.add(Notice, "log-on", "set smb.keytab for clients of a domain", "there is no keytab: clients log on by NTLMv2 alone")
	default:
		r.okf("log-on", "clients of the domain may log on by Kerberos")
	}
}

func (d *doctor) checkUsers(_ context.Context, r *report) {
	users, err := smbauth.LoadUsers(d.UsersFile)
	switch {
	case errors.Is(err, smbauth.ErrExposed):
		r.add(Failed, d.UsersFile, "chmod 600 "+d.UsersFile, "others may read the hashes, which are as good as passwords")
	case errors.Is(err, fs.ErrNotExist) && (d.Keytab != "" || d.Guest):
		r.add(Notice, d.UsersFile, "dfsd user set NAME", "there is no users file yet")
	case errors.Is(err, fs.ErrNotExist):
		r.add(Failed, d.UsersFile, "dfsd user set NAME", "there is no users file: nobody can log on")
	case errors.Is(err, smbauth.ErrEmpty):
		r.add(Failed, d.UsersFile, "dfsd user set NAME", "the users file is empty: a daemon that runs goes on with the users of before")
	case errors.Is(err, smbauth.ErrFaulty):
		r.add(Failed, d.UsersFile, "mend what is named, or move the file away and run `dfsd user set NAME` for every user", "the users file cannot be used: %s", printableLong(err.Error()))
	case err != nil:
		r.add(Failed, d.UsersFile, "correct smb.users_file, and who may read that", "the users file cannot be used: %s", printableLong(err.Error()))
	case users.Len() == 0 && d.Keytab == "" && !d.Guest:
		r.add(Failed, d.UsersFile, "dfsd user set NAME", "the users file has no users: nobody can log on")
	default:
		r.okf(d.UsersFile, "%s may log on by NTLMv2", countOf(users.Len(), "user"))
	}
}

// serviceNames are the names for which clients ask tickets, each once.
func (d *doctor) serviceNames() []string {
	names := d.ownNames()
	for _, n := range d.ServiceNames {
		if n != "" && !slices.ContainsFunc(names, func(o string) bool { return sameName(o, n) }) {
			names = append(names, n)
		}
	}
	return names
}

// checkKeytab looks at the file alone.
func (d *doctor) checkKeytab(_ context.Context, r *report) {
	names := d.serviceNames()
	first := "HOST"
	if len(names) > 0 {
		first = names[0]
	}
	keys, err := smbauth.LoadKeytab(d.Keytab)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.add(Failed, d.Keytab, mendExport(d.Keytab, "cifs/"+first), "smb.keytab does not exist")
		return
	case errors.Is(err, smbauth.ErrKeytabExposed):
		r.add(Failed, d.Keytab, "chmod 600 "+d.Keytab, "others may read the keys, which are as good as the service's password")
		return
	case errors.Is(err, fs.ErrPermission):
		r.add(Failed, d.Keytab, "chown it to the user that runs the daemon", "this user may not read smb.keytab")
		return
	case err != nil:
		r.add(Failed, d.Keytab, "rm "+d.Keytab+" && "+mendExport(d.Keytab, "cifs/"+first), "smb.keytab cannot be used: %s", printableLong(err.Error()))
		return
	}
	d.checkNamesIn(r, keys, names)
	d.checkTypes(r, keys)
	if len(r.findings) == 0 {
		r.okf(d.Keytab, "%s, with AES, for %s", countOf(len(keys.Entries()), "key"), strings.Join(names, ", "))
	}
}

// checkNamesIn looks for a key of each service name. The key of an account by
// its own name, such as svc-dfsd or FS1$, opens tickets for all its services.
func (d *doctor) checkNamesIn(r *report, keys *smbauth.Keytab, names []string) {
	account := slices.ContainsFunc(keys.Principals(), func(p string) bool { return !strings.Contains(p, "/") })
	for _, n := range names {
		if held(keys, n) || account {
			continue
		}
		level := Warning
		if sameName(n, d.Host) {
			level = Failed
		}
		if !strings.Contains(n, ".") {
			level = Notice // clients of a domain ask by the whole name
		}
		r.add(level, "cifs/"+n, mendExport(d.Keytab, "cifs/"+n), "the keytab has no key of cifs/%s: its tickets open only if another name of the same account is in the keytab", n)
	}
}

// checkTypes wants AES keys: RC4 is refused unless the configuration lets it in.
func (d *doctor) checkTypes(r *report, keys *smbauth.Keytab) {
	strong := map[string]bool{}
	for _, e := range keys.Entries() {
		strong[e.Principal] = strong[e.Principal] || strings.HasPrefix(e.EncType, "aes")
	}
	for _, p := range keys.Principals() {
		if strong[p] {
			continue
		}
		account := accountIn(keys)
		level, refused := d.weakness()
		r.add(level, printable(p), fmt.Sprintf(mendAES+" and "+mendExport(d.Keytab, service(p)), account, account, account),
			"the keytab holds no AES key of it, and RC4 %s: msDS-SupportedEncryptionTypes of the account must be 24", refused)
	}
}

// weakness is how bad it is that only RC4 is to be had, and why.
func (d *doctor) weakness() (Level, string) {
	if d.AllowRC4 {
		return Warning, "may be broken by whoever records a ticket"
	}
	return Failed, "is refused"
}

// service is a principal without its realm.
func service(principal string) string {
	if at := strings.LastIndexByte(principal, '@'); at >= 0 {
		return principal[:at]
	}
	return principal
}

// held tells whether a keytab has a key of cifs/name or HOST/name.
func held(keys *smbauth.Keytab, name string) bool {
	return slices.ContainsFunc(keys.Principals(), func(p string) bool {
		class, host, ok := strings.Cut(service(p), "/")
		return ok && sameName(host, name) && (strings.EqualFold(class, "cifs") || strings.EqualFold(class, "host"))
	})
}

// accountIn is the account that a keytab names, or the word for it.
func accountIn(keys *smbauth.Keytab) string {
	for _, p := range keys.Principals() {
		if s := service(p); !strings.Contains(s, "/") {
			return printable(s)
		}
	}
	return "ACCOUNT"
}

// mendExport writes a principal's keys to the keytab.
func mendExport(keytab, principal string) string {
	return fmt.Sprintf("samba-tool domain exportkeytab %s --principal=%s", keytab, printable(principal))
}

// newestIn is the newest key version in a keytab of an account's names.
func newestIn(keys *smbauth.Keytab, a account) (kvno uint32, ok bool) {
	for _, e := range keys.Entries() {
		s := service(e.Principal)
		same := func(name string) bool { return strings.EqualFold(name, s) }
		if strings.EqualFold(s, a.name) || slices.ContainsFunc(a.services, same) {
			kvno, ok = max(kvno, e.KVNO), true
		}
	}
	return kvno, ok
}
