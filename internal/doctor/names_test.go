package doctor

import (
	"net"
	"net/netip"
	"testing"

	"dfsd/namespace"
	"dfsd/sites"
	"dfsd/sites/adsites"
)

func TestNames(t *testing.T) {
	z := serveZone(t,
		"fs1.lab.test. 60 A 10.1.0.7", "fs1.lab.test. 60 A 192.0.2.1", "far.lab.test. 60 A 192.0.2.1", "loop.lab.test. 60 A 127.0.0.1",
		"empty.lab.test. 60 TXT x", "files.lab.test. 60 CNAME mid.lab.test.", "mid.lab.test. 60 CNAME fs1.lab.test.")
	keys := keytab(t, key{"cifs/fs1.lab.test@LAB.TEST", 2, 18})
	both := keytab(t, key{"cifs/fs1.lab.test@LAB.TEST", 2, 18}, key{"HOST/FILES.lab.test@LAB.TEST", 2, 18}, key{"svc@LAB.TEST", 2, 18})
	for _, tt := range []struct {
		name, host, keytab string
		names              []string
		want               []expect
	}{
		{"ours", "fs1.lab.test", "", nil, []expect{{OK, "fs1.lab.test", "10.1.0.7, 192.0.2.1, which is this machine", ""}}},
		{"elsewhere", "far.lab.test", "", nil, []expect{{Warning, "far.lab.test", "resolves to 192.0.2.1, and this machine has 10.1.0.7", "samba-tool dns add DC lab.test far A 10.1.0.7"}}},
		{"loopback", "loop.lab.test", "", nil, []expect{{Warning, "loop.lab.test", "no client can reach", "dns add"}}},
		{"unknown", "gone.lab.test", "", nil, []expect{{Failed, "gone.lab.test", "host gone.lab.test is not in the DNS", "samba-tool dns add DC lab.test gone A 10.1.0.7 -U Administrator"}}},
		{"no address", "empty.lab.test", "", nil, []expect{{Failed, "empty.lab.test", "is not in the DNS", "dns add"}}},
		{"unknown name", "fs1.lab.test", "", []string{"FS1.lab.test.", "gone.lab.test"}, []expect{{Failed, "gone.lab.test", "smb.names gone.lab.test", "dns add"}}},
		{"alias without Kerberos", "fs1.lab.test", "", []string{"files.lab.test"}, []expect{{OK, "files.lab.test", "this machine", ""}}},
		{
			"alias without a key", "fs1.lab.test", keys,
			[]string{"files.lab.test"},
			[]expect{{Warning, "files.lab.test", "alias of fs1.lab.test without a key of cifs/files.lab.test", "samba-tool spn add cifs/files.lab.test ACCOUNT && samba-tool domain exportkeytab " + keys + " --principal=cifs/files.lab.test"}},
		},
		{"alias with a key", "fs1.lab.test", both, []string{"files.lab.test"}, []expect{{OK, "files.lab.test", "service name of its own", ""}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wants(t, examine(t, Options{Host: tt.host, SMBNames: tt.names, Keytab: tt.keytab, FreshDNS: []string{z.address}}, Names), tt.want...)
		})
	}
}

// deadAddress is where nobody answers.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestDNS(t *testing.T) {
	ads := &adsites.Config{Domain: "lab.test"}
	top := topology(t, sites.Config{Sites: []string{"HQ"}, Subnets: []sites.SubnetConfig{{Prefix: netip.MustParsePrefix("10.1.0.0/16"), Site: "HQ"}}})
	domain := []string{
		"lab.test. 60 SOA dc1.lab.test. h.lab.test. 1 1 1 1 1", "_ldap._tcp.dc._msdcs.lab.test. 60 SRV 0 100 389 dc1.lab.test.",
		"dc1.lab.test. 60 A 127.0.0.1", "fs2.lab.test. 60 A 10.2.0.1",
	}
	site := "_ldap._tcp.HQ._sites.dc._msdcs.lab.test. 60 SRV 0 100 389 dc1.lab.test."
	for _, tt := range []struct {
		name    string
		records []string
		bend    func(*zone, *Options)
		want    []expect
	}{
		{"all well", append([]string{site}, domain...), nil, []expect{
			{OK, "127.0.0.1:", "the DNS server answers in", ""},
			{OK, "_ldap._tcp.dc._msdcs.lab.test", "1 domain controller", ""},
			{OK, "_ldap._tcp.HQ._sites", "in this host's site", ""},
		}},
		{"no controllers in the site", domain, nil, []expect{{Notice, "_ldap._tcp.HQ._sites.dc._msdcs.lab.test", "no domain controller serves the site HQ", "samba_dnsupdate --all-names"}}},
		{"no controllers", domain[:1], nil, []expect{{Failed, "_ldap._tcp.dc._msdcs.lab.test", "no such record", "sites.ldap.dns"}}},
		{"a controller without address", append([]string{site, "_ldap._tcp.dc._msdcs.lab.test. 60 SRV 0 100 389 dc2.lab.test."}, domain...), nil, []expect{
			{Warning, "dc2.lab.test", "no address", "on dc2.lab.test: samba_dnsupdate"},
		}},
		{"refused", domain, func(z *zone, _ *Options) { z.rcode = 5 }, []expect{
			{Warning, "127.0.0.1:", "answers REFUSED", "sites.ldap.dns"}, {Failed, "_ldap", "cannot be looked up: the DNS server answers REFUSED", "sites.ldap.dns"},
		}},
		{"silent", domain, func(z *zone, _ *Options) { z.silent = true }, []expect{{Failed, "127.0.0.1:", "does not answer", "sites.ldap.dns"}}},
		{"no server", nil, func(_ *zone, o *Options) { o.FreshDNS = nil }, []expect{{Failed, "servers", "no DNS server is configured", "resolv.conf"}}},
		{"target hosts", append([]string{site}, domain...), func(_ *zone, o *Options) {
			o.Namespaces = spread(t, namespace.TargetConfig{Path: `\\fs2.lab.test\a`}, namespace.TargetConfig{Path: `\\fs9.lab.test\a`}, namespace.TargetConfig{Path: `\\192.0.2.9\a`})
		}, []expect{{Failed, "fs9.lab.test", "cannot be looked up", "samba-tool dns add DC lab.test fs9 A ADDRESS"}}},
		{"the daemon's faults", append([]string{site}, domain...), func(_ *zone, o *Options) {
			o.Live = daemon{faults: map[string]string{"fs8": "no such name"}}
		}, []expect{{Failed, "fs8", "no such name", "name the host in full"}}},
		{"the daemon has none", append([]string{site}, domain...), func(_ *zone, o *Options) { o.Live = daemon{} }, []expect{{OK, "hosts of targets", "0 hosts", ""}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			z := serveZone(t, tt.records...)
			o := Options{FreshDNS: []string{z.address}, Directory: ads, Topology: top}
			if tt.bend != nil {
				z.mu.Lock()
				tt.bend(z, &o)
				z.mu.Unlock()
			}
			wants(t, examine(t, o, DNS), tt.want...)
		})
	}
}
