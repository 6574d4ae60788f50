package adsites

import (
	"testing"
	"time"
)

func valid() Config {
	var c Config
	c.SetDefaults()
	c.Domain = "corp.example.com"
	c.DNS = "10.1.0.53:53"
	c.Bind = &BindConfig{DN: "svc-dfsd@corp.example.com", PasswordFile: "/etc/dfsd/ldap.pw"}
	return c
}

func validMapping() *MappingConfig {
	return &MappingConfig{
		Base:    "ou=sites,dc=corp,dc=test",
		Sites:   SiteMapping{Filter: "(objectClass=organizationalUnit)", Name: "ou"},
		Subnets: SubnetMapping{Filter: "(&(objectClass=ipNetwork)(l=*))", Prefix: "description", Site: "l"},
		Links:   LinkMapping{Filter: "(objectClass=groupOfNames)", Name: "cn", Sites: "member", Cost: "description"},
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name string
		bend func(*Config)
		want string // faults, one a line
	}{
		{"valid", func(*Config) {}, ""},
		{"gssapi", func(c *Config) { c.Bind = &BindConfig{Method: GSSAPI, Keytab: "/etc/krb5.keytab"} }, ""},
		{"anonymous", func(c *Config) { c.Bind = nil }, ""},
		{"url", func(c *Config) { c.Domain, c.URLs = "", URLs{"ldaps://dc1.corp.example.com:3269/"} }, ""},
		{"plain", func(c *Config) { c.URLs, c.TLS.Mode = URLs{"ldap://[::1]:389"}, Off }, ""},
		{"nowhere", func(c *Config) { c.Domain = "" }, "neither domain nor url; want one of them to find directory servers by"},
		{"domain", func(c *Config) { c.Domain = "ldap://corp" }, `domain: "ldap://corp" is no DNS domain, for example corp.example.com`},
		{"no server", func(c *Config) { c.URLs = URLs{"dc1"} }, `url[0]: "dc1" is no directory server: want for example ldaps://dc1.corp.example.com`},
		{"several", func(c *Config) {
			c.URLs = URLs{"ldaps://dc1", "https://dc2", "ldaps://a:b@dc3", "ldaps://dc4/o=x", "ldaps://dc5:0", "ldaps://", "%zz"}
		}, "url[1]: \"https://dc2\" is no directory server: want for example ldaps://dc1.corp.example.com\n" +
			"url[2]: \"ldaps://a:b@dc3\" holds more than a server and a port\n" +
			"url[3]: \"ldaps://dc4/o=x\" holds more than a server and a port\n" +
			"url[4]: port \"0\" is no number from 1 to 65535\n" +
			"url[5]: \"ldaps://\" is no directory server: want for example ldaps://dc1.corp.example.com\n" +
			"url[6]: \"%zz\" is no directory server: want for example ldaps://dc1.corp.example.com"},
		{
			"ldap and ldaps", func(c *Config) { c.URLs = URLs{"ldap://dc1"} },
			"url[0]: ldap:// does not go with tls.mode ldaps: write ldaps://, or set tls.mode to starttls",
		},
		{
			"ldaps and starttls", func(c *Config) { c.URLs, c.TLS.Mode = URLs{"ldaps://dc1"}, StartTLS },
			"url[0]: ldaps:// does not go with tls.mode starttls: write ldap://, or set tls.mode to ldaps",
		},
		{"dns", func(c *Config) { c.DNS = "10.1.0.53" }, `dns: "10.1.0.53" is no host:port, for example 10.1.0.53:53`},
		{"dns port", func(c *Config) { c.DNS = "10.1.0.53:dns" }, `dns: port "dns" is no number from 1 to 65535`},
		{
			"simple", func(c *Config) { c.Bind = &BindConfig{Keytab: "k"} },
			"bind.dn: a simple bind needs dn\nbind.password_file: a simple bind needs password_file\nbind.keytab: keytab does not belong to a simple bind",
		},
		{
			"gssapi without key", func(c *Config) { c.Bind.Method = GSSAPI },
			"bind.keytab: a gssapi bind needs keytab\nbind.dn: dn does not belong to a gssapi bind\nbind.password_file: password_file does not belong to a gssapi bind",
		},
		{
			"tls off", func(c *Config) { c.TLS = TLSConfig{Mode: Off, CAFile: "ca.pem", InsecureSkipVerify: true} },
			"tls.ca_file: no certificate is checked while mode is off\ntls.insecure_skip_verify: no certificate is checked while mode is off",
		},
		{
			"gssapi without tls", func(c *Config) { c.TLS.Mode, c.Bind = Off, &BindConfig{Method: GSSAPI, Keytab: "k"} },
			"bind.method: gssapi does not protect what follows: set tls.mode to ldaps or starttls",
		},
		{"mapping", func(c *Config) { c.Mapping = validMapping() }, ""},
		{"mapping without links", func(c *Config) { c.Mapping = validMapping(); c.Mapping.Links = LinkMapping{} }, ""},
		{
			"mapping of nothing", func(c *Config) { c.Mapping = &MappingConfig{} },
			"mapping.base: \"\" is no distinguished name, for example ou=sites,dc=corp,dc=example,dc=com\n" +
				"mapping.sites.filter: a filter is needed, for example (objectClass=organizationalUnit)\n" +
				"mapping.sites.name: the name of an attribute is needed\n" +
				"mapping.subnets.filter: a filter is needed, for example (objectClass=organizationalUnit)\n" +
				"mapping.subnets.prefix: the name of an attribute is needed\n" +
				"mapping.subnets.site: the name of an attribute is needed",
		},
		{
			"mapping with faults", func(c *Config) {
				c.Mapping = validMapping()
				c.Mapping.Base = "corp"
				c.Mapping.Sites = SiteMapping{Filter: "(ou=*", Name: "o u"}
				c.Mapping.Subnets.Filter = "objectClass=ipNetwork"
				c.Mapping.Links = LinkMapping{Filter: "(&(a=b)(c=*))", Name: "cn", Sites: "1.2.3", Cost: "(cost)"}
			},
			"mapping.base: \"corp\" is no distinguished name, for example ou=sites,dc=corp,dc=example,dc=com\n" +
				"mapping.sites.filter: \"(ou=*\" is no LDAP filter: it stands within ( and )\n" +
				"mapping.sites.name: \"o u\" is no name of an attribute\n" +
				"mapping.subnets.filter: \"objectClass=ipNetwork\" is no LDAP filter: it stands within ( and )\n" +
				"mapping.links.cost: \"(cost)\" is no name of an attribute",
		},
		{"refresh", func(c *Config) { c.Refresh = time.Second }, "refresh: 1s is not within 10s to 24h"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := valid()
			tt.bend(&c)
			if got := c.Validate().Error(); got != tt.want {
				t.Errorf("Validate() =\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestEnums(t *testing.T) {
	for text, want := range map[string]Method{"simple": Simple, "gssapi": GSSAPI} {
		var got Method
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want || got.String() != text {
			t.Errorf("Method(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]TLSMode{"ldaps": LDAPS, "starttls": StartTLS, "off": Off} {
		var got TLSMode
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want || got.String() != text {
			t.Errorf("TLSMode(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	mode := StartTLS
	if err := mode.UnmarshalText([]byte("tls")); err == nil || mode != StartTLS || err.Error() != `"tls" is none of ldaps, starttls, off` {
		t.Errorf("UnmarshalText(tls) = %v, %v", mode, err)
	}
}
