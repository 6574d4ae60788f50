package adsites

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"dfsd/internal/fault"
)

// MappingConfig says how a directory other than Active Directory, such as
// OpenLDAP, holds sites. All objects stand somewhere below Base. References to
// sites are names or distinguished names.
type MappingConfig struct {
	// Base is the DN below which everything stands.
	Base string `yaml:"base"`
	// Sites, Subnets and Links name objects and attributes; Links may be left
	// out, and then no route joins the sites.
	Sites   SiteMapping   `yaml:"sites"`
	Subnets SubnetMapping `yaml:"subnets"`
	Links   LinkMapping   `yaml:"links"`
}

// SiteMapping says which objects are sites.
type SiteMapping struct {
	// Filter is an LDAP filter (RFC 4515).
	Filter string `yaml:"filter"`
	// Name is the attribute with the site's name.
	Name string `yaml:"name"`
}

// SubnetMapping says which objects are subnets.
type SubnetMapping struct {
	Filter string `yaml:"filter"`
	// Prefix is the attribute with the prefix, such as 10.1.0.0/16; an object may
	// have several.
	Prefix string `yaml:"prefix"`
	// Site is the attribute with the site's name or DN.
	Site string `yaml:"site"`
}

// LinkMapping says which objects are site links.
type LinkMapping struct {
	Filter string `yaml:"filter"`
	// Name is the attribute with the link's name.
	Name string `yaml:"name"`
	// Sites is the attribute with the names or DNs of the sites, one a value.
	Sites string `yaml:"sites"`
	// Cost is the attribute with the cost; empty, or absent in an object: 100.
	Cost string `yaml:"cost"`
}

// attributeName is an attribute description without options (RFC 4512 1.4).
var attributeName = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]{0,254}|[0-9]+(\.[0-9]+)+)$`)

func (m MappingConfig) validate() fault.List {
	var faults fault.List
	if parts, ok := parseDN(m.Base); !ok || len(parts) == 0 {
		faults.Addf("base", "%q is no distinguished name, for example ou=sites,dc=corp,dc=example,dc=com", m.Base)
	}
	faults.Nest("sites", checkObjects(m.Sites.Filter, [][2]string{{"name", m.Sites.Name}}))
	faults.Nest("subnets", checkObjects(m.Subnets.Filter, [][2]string{{"prefix", m.Subnets.Prefix}, {"site", m.Subnets.Site}}))
	if m.Links == (LinkMapping{}) {
		return faults
	}
	faults.Nest("links", checkObjects(m.Links.Filter, [][2]string{{"name", m.Links.Name}, {"sites", m.Links.Sites}}))
	if m.Links.Cost != "" && !attributeName.MatchString(m.Links.Cost) {
		faults.Addf("links.cost", "%q is no name of an attribute", m.Links.Cost)
	}
	return faults
}

// checkObjects checks a filter and the attributes that must be named beside it.
func checkObjects(filter string, attributes [][2]string) fault.List {
	var faults fault.List
	if filter == "" {
		faults.Addf("filter", "a filter is needed, for example (objectClass=organizationalUnit)")
	} else if problem := filterProblem(filter); problem != "" {
		faults.Addf("filter", "%q is no LDAP filter: %s", filter, problem)
	}
	for _, a := range attributes {
		switch {
		case a[1] == "":
			faults.Addf(a[0], "the name of an attribute is needed")
		case !attributeName.MatchString(a[1]):
			faults.Addf(a[0], "%q is no name of an attribute", a[1])
		}
	}
	return faults
}

func filterProblem(filter string) string {
	if !strings.HasPrefix(filter, "(") || !strings.HasSuffix(filter, ")") {
		return "it stands within ( and )"
	}
	packet, err := ldap.CompileFilter(filter)
	if err != nil {
		return "see RFC 4515"
	}
	if again, err := ldap.DecompileFilter(packet); err != nil {
		return fmt.Sprintf("it does not read back as itself but as %q", again)
	}
	return ""
}
