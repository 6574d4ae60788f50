//go:build integration

package lab_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"dfsd/internal/lab"
)

// TestDirectorySecrets: a password goes to nobody in the clear or to a server
// that no known authority vouches for, the log says what to set, and no password
// is in anything that dfsd writes.
func TestDirectorySecrets(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	o, stranger := l.OpenLDAP(lab.OpenLDAPSetup{Sites: 2, Subnets: 2, Links: 1}), l.OpenLDAP(lab.OpenLDAPSetup{})
	const wrong = "Canary-sings-1"
	for _, tt := range []struct {
		name, url, password, tls string
		says                     []string
	}{
		{
			"in the clear", "ldap://" + o.Addr.String(), o.Reader.Password, "{mode: off}",
			[]string{"the password does not go in the clear to another host", "set sites.ldap.tls.mode to ldaps or starttls"},
		},
		{
			"unknown authority", "ldaps://" + o.Addr.String(), o.Reader.Password, "{ca_file: " + stranger.CAFile + "}",
			[]string{`is signed by \"CN=Laboratory Authority\"`, "put that CA's certificate into sites.ldap.tls.ca_file"},
		},
		{
			"no authority", "ldaps://" + o.Addr.String(), o.Reader.Password, "{}",
			[]string{`is signed by \"CN=Laboratory Authority\"`, "the system's list of CAs does not hold"},
		},
		{
			"wrong password", "ldaps://" + o.Addr.String(), wrong, "{ca_file: " + o.CAFile + "}",
			[]string{"directory not read", "wrong name or password"},
		},
		{"good", "ldaps://" + o.Addr.String(), o.Reader.Password, "{ca_file: " + o.CAFile + "}", []string{"topology read"}},
		{
			"good by StartTLS", "ldap://" + o.Addr.String(), o.Reader.Password, "{mode: starttls, ca_file: " + o.CAFile + "}",
			[]string{"topology read"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := lab.New(t)
			d := l.Dfsd(lab.DfsdSetup{Rest: fmt.Sprintf(`
sites:
  ldap:
    url: %s
    bind: {dn: '%s', password_file: %s}
    tls: %s
    mapping:
      base: %s
      sites: {filter: (objectClass=labSite), name: cn}
      subnets: {filter: (objectClass=labSubnet), prefix: labPrefix, site: labSiteName}
namespaces: [{name: public}]
`, tt.url, o.Reader.User, secretFile(t, l, tt.password), tt.tls, o.SitesDN)})
			d.AwaitLog(0, tt.says...)
			if strings.HasPrefix(tt.name, "good") {
				l.Await("the certificate's end and the room on the disk to be measured", func() error {
					if missing := lacks(d.Metrics(), "dfsd_directory_certificate_expires_timestamp_seconds{server=", `dfsd_disk_free_bytes{area="data_dir"}`); missing != nil {
						return fmt.Errorf("missing %q", missing)
					}
					return nil
				})
			}
			written := map[string]string{"the log": d.Log(), "/metrics": d.Metrics()}
			for _, command := range [][]string{
				{"config", "show"},
				{"config", "show", "-o", "json"},
				{"config", "check"},
				{"config", "check", "-o", "json"},
				{"site", "list"},
				{"namespace", "list"},
			} {
				out := d.Command(command...)
				if !out.OK() {
					t.Error(out)
				}
				written["dfsd "+strings.Join(command, " ")] = out.All()
			}
			for where, text := range written {
				for _, secret := range []string{wrong, o.Reader.Password, o.Manager.Password} {
					if word := showing(text, secret); word != "" {
						t.Errorf("%s shows a password as %q", where, word)
					}
				}
			}
		})
	}
}

// showing is the form in which a text shows a secret, empty where it does not.
func showing(text, secret string) string {
	for _, form := range []string{
		secret, base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret)), fmt.Sprintf("%v", []byte(secret)),
	} {
		if strings.Contains(text, form) {
			return form
		}
	}
	return ""
}
