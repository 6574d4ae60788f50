package doctor

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"dfsd/internal/lab/standin"
	"dfsd/sites/adsites"
)

// rootOf is a rootDSE at a time.
func rootOf(at time.Time) map[string][]*ldap.Entry {
	return map[string][]*ldap.Entry{" (objectClass=*)": {ldap.NewEntry("", map[string][]string{
		"currentTime": {at.UTC().Format("20060102150405.0Z")}, "defaultNamingContext": {"DC=lab,DC=test"},
	})}}
}

// inspect looks at one stand-in; the findings of the topology, which no
// stand-in has, are left out.
func inspect(t *testing.T, o Options) []Finding {
	t.Helper()
	var found []Finding
	for _, f := range examine(t, o, LDAP) {
		if f.Subject != "topology" {
			found = append(found, f)
		}
	}
	text, _ := json.Marshal(found)
	if strings.Contains(string(text), secret) {
		t.Errorf("the password is in %s", text)
	}
	return found
}

func ldapOptions(t *testing.T, url string, ca *standin.Authority) Options {
	t.Helper()
	return Options{Directory: &adsites.Config{
		URLs: adsites.URLs{url}, Bind: &adsites.BindConfig{DN: "svc@lab.test", PasswordFile: writeFile(t, "pw", []byte(secret+"\n"))},
		TLS: adsites.TLSConfig{CAFile: ca.File(t)},
	}}
}

func TestCertificates(t *testing.T) {
	ca, stranger := standin.NewAuthority("Lab CA"), standin.NewAuthority("Other CA")
	far := time.Now().Add(900 * 24 * time.Hour)
	for _, tt := range []struct {
		name   string
		config *tls.Config
		bend   func(*Options)
		want   []expect
		bound  bool
	}{
		{"good", ca.Server(far, "127.0.0.1"), nil, []expect{{OK, "127.0.0.1:", "takes the bind of svc@lab.test", ""}}, true},
		{"unknown authority", stranger.Server(far, "127.0.0.1"), nil, []expect{{Failed, "127.0.0.1:", `signed by the unknown authority "CN=Other CA"`, "sites.ldap.tls.ca_file"}}, false},
		{"other name", ca.Server(far, "dc9.lab.test"), nil, []expect{{Failed, "127.0.0.1:", "for dc9.lab.test, not for 127.0.0.1", "subject alternative name 127.0.0.1"}}, false},
		{"no name", ca.Server(far), nil, []expect{{Failed, "127.0.0.1:", "for no host", "tls certfile"}}, false},
		{"both", stranger.Server(far, "dc9"), nil, []expect{{Failed, "127.0.0.1:", "unknown authority", "ca_file"}, {Failed, "127.0.0.1:", "not for 127.0.0.1", "sites.ldap.url"}}, false},
		{"ended", ca.Server(time.Now().Add(-time.Minute), "127.0.0.1"), nil, []expect{{Failed, "127.0.0.1:", "the certificate ended at", "tls certfile"}}, false},
		{
			"clock before it", ca.Server(far, "127.0.0.1"), func(o *Options) { o.Now = func() time.Time { return time.Unix(1e9, 0) } },
			[]expect{{Failed, "127.0.0.1:", "this clock says 2001", "chronyc makestep"}},
			false,
		},
		{"soon", ca.Server(time.Now().Add(73*time.Hour), "127.0.0.1"), nil, []expect{{Warning, "127.0.0.1:", "ends in 3 days", "tls certfile"}, {OK, "127.0.0.1:", "takes the bind", ""}}, true},
		{"not soon", ca.Server(time.Now().Add(31*24*time.Hour), "127.0.0.1"), nil, []expect{{OK, "127.0.0.1:", "takes the bind", ""}}, true},
		{"laboratory", stranger.Server(far, "dc9"), func(o *Options) { o.Directory.TLS.InsecureSkipVerify = true }, []expect{
			{Notice, "127.0.0.1:", "unknown authority", "ca_file"}, {Warning, "127.0.0.1:", "not checked", "remove insecure_skip_verify"}, {OK, "127.0.0.1:", "takes the bind", ""},
		}, true},
		{"no authorities", ca.Server(far, "127.0.0.1"), func(o *Options) { o.Directory.TLS.CAFile = "/nonexistent/ca" }, []expect{{Failed, "127.0.0.1:", "ca_file cannot be used", "PEM"}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &standIn{}
			o := ldapOptions(t, "ldaps://"+s.listen(t, tt.config), ca)
			if tt.bend != nil {
				tt.bend(&o)
			}
			wants(t, inspect(t, o), tt.want...)
			if bound := len(s.binds) == 1; bound != tt.bound {
				t.Errorf("%d binds came, want any: %v", len(s.binds), tt.bound)
			}
		})
	}
}

func TestBind(t *testing.T) {
	ca := standin.NewAuthority("Lab CA")
	config := ca.Server(time.Now().Add(900*24*time.Hour), "127.0.0.1")
	const data = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data "
	for _, tt := range []struct {
		name  string
		serve *standIn
		bend  func(*Options)
		want  expect
	}{
		{"wrong password", &standIn{refusal: data + "52e, v1"}, nil, expect{Failed, "127.0.0.1:", "wrong name or password", "sites.ldap.bind.password_file"}},
		{"unknown reason", &standIn{refusal: "no"}, nil, expect{Failed, "127.0.0.1:", "wrong name or password", "samba-tool user setpassword svc"}},
		{"disabled", &standIn{refusal: data + "533, v1"}, nil, expect{Failed, "127.0.0.1:", "the account is disabled", "samba-tool user enable svc"}},
		{"locked", &standIn{refusal: data + "775, v1"}, nil, expect{Failed, "127.0.0.1:", "locked", "samba-tool user unlock svc"}},
		{"password expired", &standIn{refusal: data + "532, v1"}, func(o *Options) { o.Directory.Bind.DN = "CN=svc two,DC=lab" }, expect{Failed, "127.0.0.1:", "expired", "samba-tool user setexpiry svc two"}},
		{"TLS wanted", &standIn{code: ldap.LDAPResultStrongAuthRequired}, nil, expect{Failed, "127.0.0.1:", "refuses what is asked without TLS", "set sites.ldap.tls.mode to ldaps"}},
		{"busy", &standIn{code: ldap.LDAPResultBusy}, nil, expect{Failed, "127.0.0.1:", "LDAP result 51, Busy", "sites.ldap.bind"}},
		{"empty password", &standIn{}, func(o *Options) { _ = os.WriteFile(o.Directory.Bind.PasswordFile, []byte("\n"), 0o600) }, expect{Failed, "127.0.0.1:", "is empty", "password_file"}},
		{"no password file", &standIn{}, func(o *Options) { o.Directory.Bind.PasswordFile += "x" }, expect{Failed, "pwx", "does not exist", "mode 0600"}},
		{"open password file", &standIn{}, func(o *Options) { _ = os.Chmod(o.Directory.Bind.PasswordFile, 0o604) }, expect{Warning, "pw", "open to everybody", "chmod o= "}},
		{"no account", &standIn{entries: rootOf(time.Now())}, func(o *Options) { o.Directory.Bind = nil }, expect{Notice, "sites.ldap.bind", "without an account", "sites.ldap.bind"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := ldapOptions(t, "ldaps://"+tt.serve.listen(t, config), ca)
			if tt.bend != nil {
				tt.bend(&o)
			}
			wants(t, inspect(t, o), tt.want)
		})
	}
}

func TestLDAPModes(t *testing.T) {
	ca := standin.NewAuthority("Lab CA")
	config := ca.Server(time.Now().Add(900*24*time.Hour), "127.0.0.1")
	t.Run("starttls", func(t *testing.T) {
		o := ldapOptions(t, "ldap://"+(&standIn{startTLS: config}).listen(t, nil), ca)
		o.Directory.TLS.Mode = adsites.StartTLS
		wants(t, inspect(t, o), expect{OK, "127.0.0.1:", "takes the bind", ""})
	})
	t.Run("starttls refused", func(t *testing.T) {
		o := ldapOptions(t, "ldap://"+(&standIn{}).listen(t, nil), ca)
		o.Directory.TLS.Mode = adsites.StartTLS
		wants(t, inspect(t, o), expect{Failed, "127.0.0.1:", "does not start TLS: LDAP result 2", "ldaps"})
	})
	t.Run("off on loopback", func(t *testing.T) {
		o := ldapOptions(t, "ldap://"+(&standIn{}).listen(t, nil), ca)
		o.Directory.TLS.Mode = adsites.Off
		wants(t, inspect(t, o), expect{Warning, "sites.ldap.tls.mode", "without TLS", "ldaps"}, expect{OK, "127.0.0.1:", "answers without TLS", ""})
	})
	t.Run("no TLS there", func(t *testing.T) {
		o := ldapOptions(t, "ldaps://"+(&standIn{}).listen(t, nil), ca)
		o.world = lab()
		wants(t, inspect(t, o), expect{Failed, "127.0.0.1:", "TLS does not start", "certificate"})
	})
	t.Run("closed", func(t *testing.T) {
		wants(t, inspect(t, ldapOptions(t, "ldaps://"+deadAddress(t), ca)), expect{Failed, "127.0.0.1:", "takes no connection", "systemctl start samba-ad-dc"})
	})
	t.Run("one of two", func(t *testing.T) {
		o := ldapOptions(t, "ldaps://"+deadAddress(t), ca)
		o.Directory.URLs = append(o.Directory.URLs, "ldaps://"+(&standIn{}).listen(t, config))
		wants(t, inspect(t, o), expect{Warning, "127.0.0.1:", "takes no connection", "systemctl"}, expect{OK, "127.0.0.1:", "takes the bind", ""})
	})
	t.Run("no controllers", func(t *testing.T) {
		o := Options{Directory: &adsites.Config{Domain: "lab.test", Bind: ldapOptions(t, "x", ca).Directory.Bind}, FreshDNS: []string{serveZone(t).address}}
		wants(t, inspect(t, o), expect{Failed, "controllers", "no domain controller is found", "sites.ldap.url"})
	})
}

// TestSecretModes: of a password file the checks say what its reader says.
func TestSecretModes(t *testing.T) {
	ca := standin.NewAuthority("Lab CA")
	directory := &standIn{entries: map[string][]*ldap.Entry{" (objectClass=*)": {ldap.NewEntry("", map[string][]string{
		"configurationNamingContext": {"CN=Configuration,DC=lab,DC=test"}, "dnsHostName": {"dc1"}, "highestCommittedUSN": {"1"},
	})}}}
	o := ldapOptions(t, "ldaps://"+directory.listen(t, ca.Server(time.Now().Add(900*24*time.Hour), "127.0.0.1")), ca)
	name := o.Directory.Bind.PasswordFile
	for _, mode := range []os.FileMode{0o400, 0o600, 0o640, 0o440, 0o660, 0o604, 0o644, 0o602, 0o601} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		core, seen := observer.New(zap.WarnLevel)
		reader := adsites.NewReader(*o.Directory, adsites.Options{Log: zap.New(core)})
		if _, err := reader.Read(t.Context()); err == nil {
			t.Fatal("the stand-in has a topology")
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		warns := seen.FilterMessage("password file is open to everybody on this host").Len() > 0
		told := expect{Warning, name, "", "chmod o= "}.in(inspect(t, o))
		if told != warns || !told && !(expect{OK, name, "closed to others", ""}).in(inspect(t, o)) {
			t.Errorf("mode %04o: a finding %v, and its reader warns %v", mode, told, warns)
		}
	}
}

// TestOtherPort finds StartTLS where LDAPS is closed.
func TestOtherPort(t *testing.T) {
	o := ldapOptions(t, "ldaps://127.0.0.1:636", standin.NewAuthority("Lab CA"))
	plain := (&standIn{}).listen(t, nil)
	o.world = lab()
	o.world.dial = redirect(map[string]string{"127.0.0.1:389": plain, "127.0.0.1:636": deadAddress(t)})
	wants(t, inspect(t, o), expect{Failed, "127.0.0.1:636", "takes no connection", "set sites.ldap.tls.mode to starttls: port 389 answers"})
	o.Directory.Bind.DN = "svc"
	o.world.dial = redirect(map[string]string{"127.0.0.1:636": plain, "127.0.0.1:389": plain})
	o.Directory.TLS.Mode, o.Directory.URLs = adsites.LDAPS, adsites.URLs{"ldaps://127.0.0.1:389"}
	wants(t, inspect(t, o), expect{Failed, "127.0.0.1:389", "does not speak TLS", "port 636"})
}

func TestClearRefused(t *testing.T) {
	s := &standIn{}
	o := ldapOptions(t, "ldap://192.0.2.1", standin.NewAuthority("Lab CA"))
	o.Directory.TLS.Mode = adsites.Off
	o.world = lab()
	dial := redirect(map[string]string{"192.0.2.1:389": s.listen(t, nil)})
	o.world.dial = remote(dial)
	wants(t, inspect(t, o), expect{Failed, "192.0.2.1:389", "does not go in the clear", "set sites.ldap.tls.mode to ldaps"}, expect{Warning, "sites.ldap.tls.mode", "", ""})
	if len(s.binds) != 0 {
		t.Errorf("sent %q", s.binds)
	}
}

// TestFlood is of a controller that sends without end.
func TestFlood(t *testing.T) {
	ca := standin.NewAuthority("Lab CA")
	s := &standIn{flood: true}
	o := ldapOptions(t, "ldaps://"+s.listen(t, ca.Server(time.Now().Add(900*24*time.Hour), "127.0.0.1")), ca)
	start := time.Now()
	wants(t, examine(t, o, Clock), expect{Skipped, "127.0.0.1:", "does not tell its time", ""})
	if took := time.Since(start); took > talkTimeout+time.Second {
		t.Errorf("took %v", took)
	}
	if sent := s.sent.Load(); sent > 4*maxReply { // what sockets hold comes on top
		t.Errorf("%d bytes were taken, want about %d", sent, maxReply)
	}
}

func TestClock(t *testing.T) {
	ca := standin.NewAuthority("Lab CA")
	config := ca.Server(time.Now().Add(900*24*time.Hour), "127.0.0.1")
	for _, tt := range []struct {
		name   string
		theirs time.Duration
		want   expect
	}{
		{"right", 0, expect{OK, "127.0.0.1:", "agrees", ""}},
		{"50 s", 50 * time.Second, expect{OK, "127.0.0.1:", "agrees", ""}},
		{"behind", 90 * time.Second, expect{Warning, "127.0.0.1:", "behind the controller's", "chronyc makestep"}},
		{"ahead", -4 * time.Minute, expect{Warning, "127.0.0.1:", "ahead of the controller's", "timedatectl set-ntp true"}},
		{"far behind", 6 * time.Minute, expect{Failed, "127.0.0.1:", "Kerberos refuses tickets", "chronyc makestep"}},
		{"far ahead", -24 * time.Hour, expect{Failed, "127.0.0.1:", "24h0m", "chronyc makestep"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &standIn{entries: rootOf(time.Now().Add(tt.theirs))}
			wants(t, examine(t, ldapOptions(t, "ldaps://"+s.listen(t, config), ca), Clock), tt.want)
		})
	}
	t.Run("no time", func(t *testing.T) {
		wants(t, examine(t, ldapOptions(t, "ldaps://"+(&standIn{}).listen(t, config), ca), Clock), expect{Skipped, "127.0.0.1:", "is no time", ""})
	})
	t.Run("closed", func(t *testing.T) {
		wants(t, examine(t, ldapOptions(t, "ldaps://"+deadAddress(t), ca), Clock), expect{Skipped, "127.0.0.1:", "does not tell", ""})
	})
}

func TestMendObject(t *testing.T) {
	for dn, want := range map[string]expect{
		`CN=10.1.0.0\/16,CN=Subnets,CN=Sites,CN=Configuration,DC=lab`:                   {Warning, "", "", "samba-tool sites subnet set-site 10.1.0.0/16 SITE"},
		"CN=DEFAULTIPSITELINK,CN=IP,CN=Inter-Site Transports,CN=Sites,CN=Configuration": {Notice, "", "", "Set-ADReplicationSiteLink DEFAULTIPSITELINK"},
		"CN=HQ,CN=Sites": {Notice, "", "", "correct it"},
		"":               {Notice, "", "", "correct it"},
	} {
		if level, mend := mendObject(dn); level != want.level || !strings.Contains(mend, want.mend) {
			t.Errorf("mendObject(%q) = %s, %q", dn, level, mend)
		}
	}
}

// remoteConn is a connection that says it leads to another host.
type remoteConn struct{ net.Conn }

func (remoteConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 389} }
