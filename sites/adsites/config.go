// Package adsites reads sites, subnets and site links from Active Directory
// over LDAP. It gives a whole topology or none; never half of one.
package adsites

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dfsd/internal/fault"
)

// Config is the `sites.ldap` section of the configuration file.
type Config struct {
	// Domain is the DNS name under which domain controllers are found by SRV
	// records, nearest first.
	Domain string `yaml:"domain"`
	// URLs name directory servers outright, tried in this order.
	URLs URLs `yaml:"url"`
	// DNS is the host:port of the resolver to ask; empty: the system's.
	DNS string `yaml:"dns"`
	// Bind says who asks; nil: anonymous, which Active Directory refuses.
	Bind *BindConfig `yaml:"bind"`
	// TLS protects the connection.
	TLS TLSConfig `yaml:"tls"`
	// Refresh is the longest time between two readings. Changes are looked for
	// every few seconds besides.
	Refresh time.Duration `yaml:"refresh"`
	// Mapping describes a directory that is not Active Directory; nil: it is.
	Mapping *MappingConfig `yaml:"mapping"`
}

// BindConfig says who asks the directory. Secrets stand in files of their own.
type BindConfig struct {
	Method Method `yaml:"method"`
	// DN is a distinguished name or a user principal name; simple binds only.
	DN string `yaml:"dn"`
	// PasswordFile holds the password of DN; simple binds only.
	PasswordFile string `yaml:"password_file"`
	// Keytab holds the Kerberos key of the account; GSSAPI only.
	Keytab string `yaml:"keytab"`
}

// TLSConfig says how the connection is protected.
type TLSConfig struct {
	Mode TLSMode `yaml:"mode"`
	// CAFile holds the PEM certificates to trust; empty: the system's.
	CAFile string `yaml:"ca_file"`
	// InsecureSkipVerify accepts any certificate: for laboratories.
	InsecureSkipVerify bool `yaml:"insecure_skip_verify"`
}

// SetDefaults gives every field its value for a file that does not name it.
func (c *Config) SetDefaults() { c.Refresh = 5 * time.Minute }

const (
	minRefresh = 10 * time.Second
	maxRefresh = 24 * time.Hour
)

// Validate returns every fault of c.
func (c Config) Validate() fault.List {
	var faults fault.List
	if c.Domain == "" && len(c.URLs) == 0 {
		faults.Addf("", "neither domain nor url; want one of them to find directory servers by")
	}
	if strings.ContainsAny(c.Domain, `\/:@ `) || len(c.Domain) > 253 {
		faults.Addf("domain", "%q is no DNS domain, for example corp.example.com", c.Domain)
	}
	for i, u := range c.URLs {
		faults.Nest(fmt.Sprintf("url[%d]", i), checkURL(u, c.TLS.Mode))
	}
	if c.DNS != "" {
		faults.Nest("dns", checkResolver(c.DNS))
	}
	if c.Bind != nil {
		faults.Nest("bind", c.Bind.validate())
	}
	if c.Bind != nil && c.Bind.Method == GSSAPI && c.TLS.Mode == Off {
		faults.Addf("bind.method", "gssapi does not protect what follows: set tls.mode to ldaps or starttls")
	}
	faults.Nest("tls", c.TLS.validate())
	if c.Mapping != nil {
		faults.Nest("mapping", c.Mapping.validate())
	}
	if c.Refresh < minRefresh || c.Refresh > maxRefresh {
		faults.Addf("refresh", "%s is not within 10s to 24h", c.Refresh)
	}
	return faults
}

func checkURL(text string, mode TLSMode) fault.List {
	var faults fault.List
	u, err := url.Parse(text)
	switch {
	case err != nil || !slices.Contains([]string{"ldap", "ldaps"}, u.Scheme) || u.Hostname() == "":
		faults.Addf("", "%q is no directory server: want for example ldaps://dc1.corp.example.com", text)
	case u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "":
		faults.Addf("", "%q holds more than a server and a port", text)
	case u.Port() != "" && !isPort(u.Port()):
		faults.Addf("", "port %q is no number from 1 to 65535", u.Port())
	case u.Scheme == "ldap" && mode == LDAPS:
		faults.Addf("", "ldap:// does not go with tls.mode ldaps: write ldaps://, or set tls.mode to starttls")
	case u.Scheme == "ldaps" && mode != LDAPS:
		faults.Addf("", "ldaps:// does not go with tls.mode %s: write ldap://, or set tls.mode to ldaps", mode)
	}
	return faults
}

func checkResolver(address string) fault.List {
	var faults fault.List
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || strings.ContainsAny(host, `\/@ `) {
		faults.Addf("", "%q is no host:port, for example 10.1.0.53:53", address)
	} else if !isPort(port) {
		faults.Addf("", "port %q is no number from 1 to 65535", port)
	}
	return faults
}

func isPort(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n >= 1 && n <= 65535
}

func (b BindConfig) validate() fault.List {
	var faults fault.List
	own, foreign := [][2]string{{"dn", b.DN}, {"password_file", b.PasswordFile}}, [][2]string{{"keytab", b.Keytab}}
	if b.Method == GSSAPI {
		own, foreign = foreign, own
	}
	for _, key := range own {
		if key[1] == "" {
			faults.Addf(key[0], "a %s bind needs %s", b.Method, key[0])
		}
	}
	for _, key := range foreign {
		if key[1] != "" {
			faults.Addf(key[0], "%s does not belong to a %s bind", key[0], b.Method)
		}
	}
	return faults
}

func (t TLSConfig) validate() fault.List {
	var faults fault.List
	if t.Mode != Off {
		return nil
	}
	if t.CAFile != "" {
		faults.Addf("ca_file", "no certificate is checked while mode is off")
	}
	if t.InsecureSkipVerify {
		faults.Addf("insecure_skip_verify", "no certificate is checked while mode is off")
	}
	return faults
}

// URLs is a list of directory servers. A file writes one, or a list.
type URLs []string

// UnmarshalText reads a single server.
func (u *URLs) UnmarshalText(text []byte) error {
	*u = URLs{string(text)}
	return nil
}
