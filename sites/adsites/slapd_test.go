//go:build integration && linux

package adsites

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

const slapdConfig = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
pidfile %[1]s/pid
database mdb
directory %[1]s/db
suffix "dc=corp,dc=test"
rootdn "cn=root,dc=corp,dc=test"
rootpw secret-of-root
sizelimit size.soft=2 size.hard=2 size.prtotal=unlimited
access to * by * read
%[2]s
`

// tellsChanges is the overlay by which slapd tells changes.
const tellsChanges = "overlay syncprov"

// newSlapd starts an OpenLDAP server and returns its URL and a connection of
// its administrator. All others see two objects in one answer, and need pages
// for more.
func newSlapd(t *testing.T, overlay string) (string, *ldap.Conn) {
	t.Helper()
	url, conn, _ := startSlapd(t, overlay)
	return url, conn
}

// startSlapd is newSlapd for who does something to the process.
func startSlapd(t *testing.T, overlay string) (string, *ldap.Conn, *os.Process) {
	t.Helper()
	if _, err := exec.LookPath("slapd"); err != nil {
		t.Skip(err)
	}
	at := t.TempDir()
	if err := os.Mkdir(filepath.Join(at, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := writeFile(t, "slapd.conf", fmt.Appendf(nil, slapdConfig, at, overlay))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "ldap://" + l.Addr().String()
	_ = l.Close()
	c := exec.Command("slapd", "-d", "0", "-f", conf, "-h", url)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Signal(syscall.SIGTERM); _ = c.Wait() })
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for {
		conn, err := ldap.DialURL(url)
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
			if err := conn.Bind("cn=root,dc=corp,dc=test", "secret-of-root"); err != nil {
				t.Fatal(err)
			}
			return url, conn, c.Process
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// estateOfSlapd makes a slapd with two sites, their subnets and a link.
func estateOfSlapd(t *testing.T, overlay string) (url string, admin *ldap.Conn, add func(dn string, attributes ...string)) {
	t.Helper()
	url, admin = newSlapd(t, overlay)
	return url, admin, fillSlapd(t, admin)
}

// fillSlapd adds two sites, their subnets and a link, and returns what adds more.
func fillSlapd(t *testing.T, admin *ldap.Conn) (add func(dn string, attributes ...string)) {
	t.Helper()
	add = func(dn string, attributes ...string) {
		t.Helper()
		if err := admin.Add(&ldap.AddRequest{DN: dn, Attributes: addAttributes(attributes)}); err != nil {
			t.Fatal(err)
		}
	}
	add("dc=corp,dc=test", "objectClass", "domain", "dc", "corp")
	add("ou=sites,dc=corp,dc=test", "objectClass", "domain", "objectClass", "extensibleObject", "dc", "x", "ou", "sites")
	add("ou=HQ,ou=sites,dc=corp,dc=test", "objectClass", "organizationalUnit", "ou", "HQ")
	add("ou=NY,ou=sites,dc=corp,dc=test", "objectClass", "organizationalUnit", "ou", "NY")
	add("cn=n1,ou=NY,ou=sites,dc=corp,dc=test", "objectClass", "ipNetwork", "cn", "n1", "ipNetworkNumber", "10.1.0.0",
		"l", "ny", "description", "10.1.0.0/16", "description", "0.0.0.0/0")
	add("cn=n2,ou=sites,dc=corp,dc=test", "objectClass", "ipNetwork", "cn", "n2", "ipNetworkNumber", "10.2.0.0",
		"l", "OU=HQ, ou=sites,dc=corp,dc=test", "description", "2001:db8::/32")
	add("cn=hq-ny,ou=sites,dc=corp,dc=test", "objectClass", "groupOfNames", "cn", "hq-ny",
		"member", "ou=HQ,ou=sites,dc=corp,dc=test", "member", "ou=NY,ou=sites,dc=corp,dc=test", "description", "42")
	return add
}

func TestSlapd(t *testing.T) {
	for name, overlay := range map[string]string{"followed": tellsChanges, "polled": ""} {
		t.Run(name, func(t *testing.T) { testSlapd(t, overlay) })
	}
}

func testSlapd(t *testing.T, overlay string) {
	url, admin, add := estateOfSlapd(t, overlay)
	r := NewReader(Config{URLs: URLs{url}, TLS: TLSConfig{Mode: Off}, Mapping: validMapping()}, Options{})
	defer r.Close()
	read := func(want string) Reading {
		t.Helper()
		got, err := r.Read(t.Context())
		if err != nil || text(got.Config) != want {
			t.Fatalf("Read() = %s, %v, %v\nwant %s", text(got.Config), got.Warnings, err, want)
		}
		return got
	}
	changed := func(prev Reading, want bool) {
		t.Helper()
		deadline := time.Now().Add(time.Minute)
		got, err := r.Changed(t.Context(), prev)
		for ; err == nil && got != want && time.Now().Before(deadline); got, err = r.Changed(t.Context(), prev) {
			<-time.After(time.Millisecond) // what a server tells by itself takes a moment
		}
		if err != nil || got != want {
			t.Errorf("Changed() = %v, %v, want %v", got, err, want)
		}
	}
	prev := read("HQ NY 0.0.0.0/0=NY 10.1.0.0/16=NY 2001:db8::/32=HQ hq-ny(HQ+NY:42) all")
	changed(prev, false)
	if position, err := r.directory.position(t.Context(), r.kept); err != nil || (position != "") != (overlay != "") || (r.kept.feed != nil) != (overlay != "") {
		t.Errorf("position %q, %v, followed %v, want a contextCSN where slapd tells changes", position, err, r.kept.feed != nil)
	}
	add("dc=other,dc=corp,dc=test", "objectClass", "domain", "dc", "other")
	changed(prev, false)
	change := ldap.NewModifyRequest("cn=hq-ny,ou=sites,dc=corp,dc=test", nil)
	change.Replace("description", []string{"43"})
	if err := admin.Modify(change); err != nil {
		t.Fatal(err)
	}
	changed(prev, true)
	prev = read("HQ NY 0.0.0.0/0=NY 10.1.0.0/16=NY 2001:db8::/32=HQ hq-ny(HQ+NY:43) all")
	changed(prev, false)
	if err := admin.Del(ldap.NewDelRequest("cn=n2,ou=sites,dc=corp,dc=test", nil)); err != nil {
		t.Fatal(err)
	}
	changed(prev, true)
	read("HQ NY 0.0.0.0/0=NY 10.1.0.0/16=NY hq-ny(HQ+NY:43) all")
}

func addAttributes(pairs []string) []ldap.Attribute {
	values := map[string][]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i]] = append(values[pairs[i]], pairs[i+1])
	}
	var out []ldap.Attribute
	for name, v := range values {
		out = append(out, ldap.Attribute{Type: name, Vals: v})
	}
	return out
}

// portOf is the port of a URL that newSlapd gave.
func portOf(url string) uint16 {
	n, _ := strconv.ParseUint(url[strings.LastIndex(url, ":")+1:], 10, 16) // 0 where it has none
	return uint16(n)
}
