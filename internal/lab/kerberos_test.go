//go:build integration

package lab_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dfsd/internal/lab"
)

// rekeyed is how long a daemon may take to use a keytab that was replaced.
const rekeyed = 10 * time.Second

// bob is the domain's user in these tests.
var bob = lab.Account{User: "bob", Password: "Wonder-Land2"}

// kerberosLab is a domain with a dfsd that has a keytab of it, and a file
// server behind the link "projects" of its namespace.
type kerberosLab struct {
	*lab.Lab
	t       *testing.T
	domain  *lab.Domain
	station *lab.Station
	rest    string // of each daemon's configuration
	keytab  string // path
	dfsd    *lab.Dfsd
	service lab.Account // that owns the keytab's keys
	ticket  string      // bob's credential cache
}

// principals are whose keys the daemon's keytab holds: its host's name, its
// further names of smb.names, and a name that is none of the daemon's.
var principals = []string{
	"cifs/names.corp.example.test", "cifs/public.corp.example.test", "cifs/sealed.corp.example.test",
	"cifs/unnamed.corp.example.test",
}

func newKerberosLab(t *testing.T) *kerberosLab {
	t.Helper()
	l := lab.New(t)
	d := l.Domain(lab.DomainSetup{})
	d.AddUser(bob.User, bob.Password)
	d.FileServer("files", lab.Share{Name: "data", Files: map[string]string{"hello.txt": "hello from the target\n"}})
	k := &kerberosLab{
		Lab: l, t: t, domain: d, station: l.Station("10.99.1.5"), keytab: filepath.Join(l.Dir("keytab"), "dfsd.keytab"),
		rest:    namespaceYAML([]lab.Folder{{Path: "projects", Targets: []string{lab.UNC(host("files."+d.DNSDomain), "data")}}}),
		service: d.AddService("names", principals...),
	}
	d.AddService("other", "cifs/other."+d.DNSDomain, "cifs/taken."+d.DNSDomain)
	d.Keytab(k.keytab, principals...)
	k.dfsd = l.Dfsd(lab.DfsdSetup{
		Host: "names." + d.DNSDomain, Rest: k.rest,
		SMB: []string{
			hasty, "signing: required", "keytab: " + k.keytab,
			"names: [public." + d.DNSDomain + ", taken." + d.DNSDomain + "]",
		},
	})
	for _, name := range []string{"names", "public", "taken", "unnamed", "other"} {
		d.AddHost(name, k.dfsd.Addr)
	}
	k.ticket = d.Kinit(bob.User, bob.Password)
	return k
}

// read gets a file through the link of a daemon that is called by one of its
// names, with the tickets of a credential cache and with no password.
func (k *kerberosLab) read(cache, name string, options ...string) lab.Output {
	public := lab.UNC(host(name+"."+k.domain.DNSDomain), "public")
	return k.domain.Client(k.station, cache).Smbclient(public, "ls; cd projects; get hello.txt -", options...)
}

// wellRead says what is wrong with the output of read.
func wellRead(out lab.Output) error {
	if missing := lacks(out.Stdout, "projects", "hello from the target"); !out.OK() || missing != nil {
		return errors.New(out.String())
	}
	return nil
}

// refuses says what is wrong with the output of a client that should be refused
// and told so.
func refuses(out lab.Output, status string) error {
	if out.OK() || lacks(out.All(), status) != nil || lacks(out.Stdout, "projects") == nil {
		return fmt.Errorf("want %s:\n%s", status, out)
	}
	return nil
}

// TestKerberos: users of an Active Directory domain come with tickets for the
// daemon, whose keys it has from a keytab.
func TestKerberos(t *testing.T) {
	t.Parallel()
	k := newKerberosLab(t)
	for _, part := range []struct {
		name string
		test func(*testing.T)
	}{
		{"link", k.followsLink},
		{"no users file", k.needsNoUsers},
		{"password beside tickets", k.takesPassword},
		{"another service", k.refusesOtherService},
		{"RC4", k.refusesRC4},
		{"new keys", k.readsNewKeys}, // changes the keytab: last
	} {
		t.Run(part.name, part.test)
	}
}

// followsLink: bob reads through a link with one ticket for the daemon and one
// for the target, whatever the dialect and the protection.
func (k *kerberosLab) followsLink(t *testing.T) {
	for _, tt := range []struct{ name, dialect, protection string }{
		{"names", "SMB2_02", "sign"},
		{"names", "SMB2_10", "sign"},
		{"names", "SMB3_02", "encrypt"},
		{"names", "SMB3_11", "sign"},
		{"names", "SMB3_11", "encrypt"},
		{"public", "SMB3_11", "sign"},
	} {
		t.Run(tt.name+"/"+tt.dialect+"/"+tt.protection, func(t *testing.T) {
			out := k.read(k.ticket, tt.name, "--option=client min protocol="+tt.dialect, "--max-protocol="+tt.dialect, "--client-protection="+tt.protection)
			if err := wellRead(out); err != nil {
				t.Error(err)
			}
		})
	}
	tickets := k.domain.Client(k.station, k.ticket).Run("klist")
	if missing := lacks(tickets.Stdout, principals[0], principals[1], "cifs/files."+k.domain.DNSDomain); missing != nil {
		t.Errorf("bob has no ticket for %q:\n%s", missing, tickets)
	}
	k.dfsd.AwaitLog(0, "logged on", `"user":"bob"`, `"mechanism":"kerberos"`)
	metrics := k.dfsd.Metrics()
	if missing := lacks(metrics, `dfsd_smb_auth_total{mech="kerberos",result="ok"} `); missing != nil || strings.Contains(metrics, `mech="ntlmv2"`) {
		t.Errorf("the log-ons were no Kerberos:\n%s", metrics)
	}
}

// needsNoUsers: where there is no users_file, tickets are what counts, also for
// a session that must be encrypted. Who has none is refused at once, whatever
// he knows.
func (k *kerberosLab) needsNoUsers(t *testing.T) {
	d := k.Dfsd(lab.DfsdSetup{
		Host: "sealed." + k.domain.DNSDomain, Rest: k.rest, Users: []lab.Account{},
		SMB: []string{"limits: {logon_delay: 10ms, authenticate_within: 2m}", "encryption: required", "keytab: " + k.keytab},
	})
	k.domain.AddHost("sealed", d.Addr)
	if err := wellRead(k.read(k.ticket, "sealed")); err != nil {
		t.Error(err)
	}
	if err := refuses(k.read(k.ticket, "sealed", "--max-protocol=SMB2_10"), "NT_STATUS_NOT_SUPPORTED"); err != nil {
		t.Errorf("a dialect without encryption: %v", err)
	}
	for _, as := range []lab.Account{lab.Alice, bob} {
		start := time.Now()
		if err := refuses(k.station.Smbclient(lab.UNC(d.Addr, "public"), as, "ls"), "NT_STATUS_LOGON_FAILURE"); err != nil {
			t.Errorf("%s without a ticket: %v", as.User, err)
		}
		if took := time.Since(start); took > time.Minute { // half of what a log-on that hangs would take
			t.Errorf("%s is refused after %v", as.User, took)
		}
	}
}

// takesPassword: with a users_file, NTLMv2 works beside Kerberos, and no wrong
// password does.
func (k *kerberosLab) takesPassword(t *testing.T) {
	public := lab.UNC(k.dfsd.Addr, "public")
	if out := k.station.Smbclient(public, lab.Alice, "ls"); !out.OK() || lacks(out.Stdout, "projects") != nil {
		t.Errorf("alice with her password:\n%s", out)
	}
	if missing := lacks(k.dfsd.Metrics(), `dfsd_smb_auth_total{mech="ntlmv2",result="ok"} 1`); missing != nil {
		t.Errorf("missing %q", missing)
	}
	for _, as := range []lab.Account{{User: lab.Alice.User, Password: "wrong"}, bob} {
		if err := refuses(k.station.Smbclient(public, as, "ls"), "NT_STATUS_LOGON_FAILURE"); err != nil {
			t.Errorf("%s with a password that the daemon does not know: %v", as.User, err)
		}
	}
}

// refusesOtherService: only a ticket for a name of the daemon that is sealed
// with a key of the keytab lets anybody in. The log says which ticket was not
// that.
func (k *kerberosLab) refusesOtherService(t *testing.T) {
	for _, tt := range []struct{ name, why string }{
		{"other", "Kerberos ticket is for another service"},
		{"unnamed", "Kerberos ticket is for another service"},          // though its key is in the keytab
		{"taken", "Kerberos ticket or authenticator does not decrypt"}, // a name of the daemon's that another account has
	} {
		mark := len(k.dfsd.Log())
		if err := refuses(k.read(k.ticket, tt.name), "NT_STATUS_LOGON_FAILURE"); err != nil {
			t.Errorf("a ticket for %s: %v", tt.name, err)
		}
		k.dfsd.AwaitLog(mark, "log-on failed", tt.why, "cifs/"+tt.name+"."+k.domain.DNSDomain+"@"+k.domain.Realm)
	}
}

// refusesRC4: tickets of RC4 are refused, and the log says why, unless the
// configuration lets them in.
func (k *kerberosLab) refusesRC4(t *testing.T) {
	name := "old." + k.domain.DNSDomain
	k.domain.RC4Only(k.domain.AddService("old", "cifs/"+name))
	keytab := filepath.Join(filepath.Dir(k.keytab), "old.keytab")
	k.domain.Keytab(keytab, "cifs/"+name)
	setup := lab.DfsdSetup{Host: name, Rest: k.rest, Users: []lab.Account{}, SMB: []string{hasty, "signing: required", "keytab: " + keytab}}
	d := k.Dfsd(setup)
	k.domain.AddHost("old", d.Addr)
	if err := refuses(k.read(k.ticket, "old"), "NT_STATUS_LOGON_FAILURE"); err != nil {
		t.Error(err)
	}
	d.AwaitLog(0, "log-on failed", "Kerberos encryption type is not allowed")
	d.Stop()

	setup.Addr, setup.SMB = d.Addr, append(setup.SMB, "allow_rc4: true")
	k.Dfsd(setup)
	if err := wellRead(k.read(k.ticket, "old")); err != nil {
		t.Errorf("with allow_rc4: %v", err)
	}
	tickets := k.domain.Client(k.station, k.ticket).Run("klist", "-e").Stdout
	if !strings.Contains(tickets, "arcfour") && !strings.Contains(tickets, "rc4") {
		t.Errorf("bob has no ticket of RC4:\n%s", tickets)
	}
}

// awaitKeys waits for what a keytab that was just replaced brings about. A try that
// begins after the daemon's time must not fail, however long each takes.
func (k *kerberosLab) awaitKeys(what string, done func() error) {
	replaced, late := time.Now(), time.Duration(0)
	k.Await(what, func() error {
		began := time.Since(replaced)
		err := done()
		if err != nil {
			late = began
		}
		return err
	})
	if late > rekeyed {
		k.t.Errorf("%s: not so %v after the keytab was replaced, want %v at most", what, late, rekeyed)
	}
}

// readsNewKeys: when the service gets another password, tickets are sealed with
// a key that the keytab lacks. Exported over it, which keeps the old keys, the
// new ones count without a restart; in its place, those of the account alone,
// the old ones no longer do.
func (k *kerberosLab) readsNewKeys(t *testing.T) {
	k.domain.SetPassword(lab.Account{User: k.service.User, Password: "Machine-names-2"})
	fresh := k.domain.Kinit(bob.User, bob.Password)
	mark := len(k.dfsd.Log())
	if err := refuses(k.read(fresh, "names"), "NT_STATUS_LOGON_FAILURE"); err != nil {
		t.Errorf("a ticket with a key that the keytab lacks: %v", err)
	}
	k.dfsd.AwaitLog(mark, "log-on failed", "keytab lacks the key", "key version 2")

	k.domain.Keytab(k.keytab, principals[0])
	k.awaitKeys("the new keys to count", func() error { return wellRead(k.read(fresh, "names")) })
	if err := wellRead(k.read(k.ticket, "names")); err != nil {
		t.Errorf("a ticket from before, whose key the keytab still has: %v", err)
	}

	alone := k.keytab + ".new"
	k.domain.Keytab(alone, k.service.User)
	if err := os.Rename(alone, k.keytab); err != nil {
		t.Fatal(err)
	}
	k.awaitKeys("the old keys to count no more", func() error { return refuses(k.read(k.ticket, "names"), "NT_STATUS_LOGON_FAILURE") })

	if err := os.Remove(k.keytab); err != nil {
		t.Fatal(err)
	}
	mark = len(k.dfsd.Log())
	if err := wellRead(k.read(fresh, "names")); err != nil {
		t.Errorf("after the keytab has gone, its last keys: %v", err)
	}
	k.dfsd.AwaitLog(mark, "keytab unreadable, the keys before stay in force")
}
