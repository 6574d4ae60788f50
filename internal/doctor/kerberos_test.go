package doctor

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"dfsd/internal/lab/standin"
	"dfsd/internal/smbauth"
	"dfsd/sites/adsites"
)

func TestKeytabFile(t *testing.T) {
	const host = "fs1.lab.test"
	open := keytab(t, key{"cifs/" + host + "@LAB.TEST", 2, 18})
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "none")
	for _, tt := range []struct {
		name, path string
		names      []string
		want       []expect
	}{
		{"good", keytab(t, key{"cifs/" + host + "@LAB.TEST", 2, 18}), nil, []expect{{OK, "cifs.keytab", "1 key, with AES, for fs1.lab.test", ""}}},
		{"HOST counts", keytab(t, key{"HOST/FS1.lab.test@LAB.TEST", 2, 17}), nil, []expect{{OK, "cifs.keytab", "", ""}}},
		{"an account counts", keytab(t, key{"FS1$@LAB.TEST", 2, 17}), nil, []expect{{OK, "cifs.keytab", "", ""}}},
		{"missing", missing, nil, []expect{{Failed, missing, "does not exist", "samba-tool domain exportkeytab " + missing + " --principal=cifs/fs1.lab.test"}}},
		{"open", open, nil, []expect{{Failed, open, "others may read", "chmod 600 " + open}}},
		{"damaged", writeFile(t, "bad.keytab", []byte("no")), nil, []expect{{Failed, "bad.keytab", "cannot be used", "rm "}}},
		{"another host", keytab(t, key{"cifs/fs2.lab.test@LAB.TEST", 2, 18}), nil, []expect{{Failed, "cifs/fs1.lab.test", "no key of cifs/fs1.lab.test", "--principal=cifs/fs1.lab.test"}}},
		{"another name", keytab(t, key{"cifs/" + host + "@LAB.TEST", 2, 18}), []string{"files.lab.test"}, []expect{{Warning, "cifs/files.lab.test", "no key", "--principal=cifs/files.lab.test"}}},
		{"the short name", keytab(t, key{"cifs/" + host + "@LAB.TEST", 2, 18}), []string{"fs1"}, []expect{{Notice, "cifs/fs1", "no key", "--principal=cifs/fs1"}}},
		{"RC4 alone", keytab(t, key{"cifs/" + host + "@LAB.TEST", 2, 23}), nil, []expect{{Failed, "cifs/fs1.lab.test@LAB.TEST", "RC4 is refused", "net ads enctypes set ACCOUNT 24"}}},
		{"RC4 too", keytab(t, key{"cifs/" + host + "@LAB.TEST", 2, 23}, key{"cifs/" + host + "@LAB.TEST", 2, 18}), nil, []expect{{OK, "cifs.keytab", "2 keys", ""}}},
		{"a service of another class", keytab(t, key{"ldap/" + host + "@LAB.TEST", 2, 18}), nil, []expect{{Failed, "cifs/fs1.lab.test", "no key", "export"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wants(t, examine(t, Options{Host: host, Keytab: tt.path, ServiceNames: tt.names}, Kerberos), tt.want...)
		})
	}
	weak := keytab(t, key{"cifs/" + host + "@LAB.TEST", 2, 23})
	wants(t, examine(t, Options{Host: host, Keytab: weak, AllowRC4: true}, Kerberos), expect{Warning, "cifs/fs1.lab.test@LAB.TEST", "may be broken", "net ads enctypes set ACCOUNT 24"})
}

func TestLogon(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users.yaml")
	listen := []string{"0.0.0.0:445"}
	look := func(o Options) []Finding { o.SMBListen = listen; return examine(t, o, Kerberos) }
	wants(t, look(Options{}), expect{Failed, "log-on", "nobody can log on", "dfsd user set NAME"})
	wants(t, look(Options{Guest: true}), expect{Notice, "log-on", "NTLMv2 alone", "smb.keytab"})
	wants(t, look(Options{UsersFile: users}), expect{Failed, users, "no users file", "dfsd user set NAME"})
	wants(t, look(Options{UsersFile: users, Guest: true}), expect{Notice, users, "no users file yet", "dfsd user set NAME"})
	if err := smbauth.SetPassword(users, "ann", secret); err != nil {
		t.Fatal(err)
	}
	wants(t, look(Options{UsersFile: users}), expect{OK, users, "1 user may log on", ""}, expect{Notice, "log-on", "", ""})
	if err := os.Chmod(users, 0o644); err != nil {
		t.Fatal(err)
	}
	wants(t, look(Options{UsersFile: users}), expect{Failed, users, "as good as passwords", "chmod 600 " + users})
	if err := os.WriteFile(users, nil, 0o600); err != nil || os.Chmod(users, 0o600) != nil {
		t.Fatal(err)
	}
	wants(t, look(Options{UsersFile: users}), expect{Failed, users, "is empty", "dfsd user set NAME"})
	if err := os.WriteFile(users, []byte("{"), 0o600); err != nil || os.Chmod(users, 0o600) != nil {
		t.Fatal(err)
	}
	wants(t, look(Options{UsersFile: users}), expect{Failed, users, "cannot be used", "move the file away"})
}

// person is an account in the stand-in.
func person(name, kvno, types string, services ...string) *ldap.Entry {
	values := map[string][]string{"sAMAccountName": {name}, "servicePrincipalName": services}
	if kvno != "" {
		values["msDS-KeyVersionNumber"] = []string{kvno}
	}
	if types != "" {
		values["msDS-SupportedEncryptionTypes"] = []string{types}
	}
	return ldap.NewEntry("CN="+name+",DC=lab,DC=test", values)
}

func TestAccounts(t *testing.T) {
	ca := standin.NewAuthority("Lab CA")
	config := ca.Server(time.Now().Add(900*24*time.Hour), "127.0.0.1")
	const spn = "cifs/fs1.lab.test"
	keys := []key{{spn + "@LAB.TEST", 2, 18}, {"svc@LAB.TEST", 2, 18}}
	for _, tt := range []struct {
		name    string
		entries map[string][]*ldap.Entry
		keys    []key
		want    []expect
	}{
		{"well", map[string][]*ldap.Entry{"Name=" + spn: {person("svc", "2", "24", spn)}}, keys, []expect{{OK, spn, "belongs to the account svc", ""}, {OK, "svc", "present key, version 2", ""}}},
		{"HOST stands for cifs", map[string][]*ldap.Entry{"HOST/fs1.lab.test": {person("svc", "2", "", "HOST/fs1.lab.test")}}, keys, []expect{{OK, spn, "svc", ""}, {OK, "svc", "version 2", ""}}},
		{"missing", nil, keys, []expect{{Failed, spn, "no account of the directory has the service name", "samba-tool spn add cifs/fs1.lab.test svc (Windows: setspn -S cifs/fs1.lab.test svc)"}}},
		{
			"duplicate",
			map[string][]*ldap.Entry{"Name=" + spn: {person("OLD$", "1", "", spn), person("svc", "2", "", spn)}},
			[]key{{"svc@LAB.TEST", 2, 18}},
			[]expect{{Failed, spn, "several accounts have the service name, and the directory gives no ticket for it: OLD$, svc", "samba-tool spn delete cifs/fs1.lab.test"}},
		},
		{
			"changed password",
			map[string][]*ldap.Entry{"Name=" + spn: {person("svc", "3", "24", spn)}},
			keys,
			[]expect{{Failed, "svc", "version 2 of the key, and the directory 3", "samba-tool domain exportkeytab"}},
		},
		{"lagging", map[string][]*ldap.Entry{"Name=" + spn: {person("svc", "1", "24", spn)}}, keys, []expect{{Warning, "svc", "another domain, or the controller lags", "exportkeytab"}}},
		{"lowest byte", map[string][]*ldap.Entry{"Name=" + spn: {person("svc", "258", "24", spn)}}, keys, []expect{{OK, "svc", "version 2", ""}}},
		{"unreadable version", map[string][]*ldap.Entry{"Name=" + spn: {person("svc", "", "24", spn)}}, keys, []expect{{Skipped, "svc", "msDS-KeyVersionNumber", ""}}},
		{"no AES", map[string][]*ldap.Entry{"Name=" + spn: {person("svc", "2", "4", spn)}}, keys, []expect{{Failed, "svc", "msDS-SupportedEncryptionTypes is 4, without AES", "net ads enctypes set svc 24"}}},
		{"key of another account", map[string][]*ldap.Entry{"Name=" + spn: {person("OTHER$", "2", "", spn)}}, []key{{"svc@LAB.TEST", 2, 18}}, []expect{{Failed, "OTHER$", "no key of the account", "--principal=cifs/fs1.lab.test"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &standIn{entries: rootOf(time.Now())}
			for k, v := range tt.entries {
				s.entries[k] = v
			}
			o := ldapOptions(t, "ldaps://"+s.listen(t, config), ca)
			o.Host, o.Keytab = "fs1.lab.test", keytab(t, tt.keys...)
			wants(t, examine(t, o, Kerberos), tt.want...)
		})
	}
	t.Run("nobody to ask", func(t *testing.T) {
		o := ldapOptions(t, "ldaps://"+deadAddress(t), ca)
		o.Host, o.Keytab = "fs1.lab.test", keytab(t, keys...)
		wants(t, examine(t, o, Kerberos), expect{Skipped, "directory", "no domain controller takes the bind", ""})
		o.Directory.Mapping = &adsites.MappingConfig{}
		wants(t, examine(t, o, Kerberos), expect{OK, "", "", ""})
	})
}
