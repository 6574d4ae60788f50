package sites

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"dfsd/internal/fault"
)

// maxSiteName is the most characters that Active Directory lets a site's name
// have ([MS-DRSR] 4.1.16.2.1).
const maxSiteName = 64

// Validate returns all that is wrong with c; New takes what has no fault.
func (c Config) Validate() fault.List { return c.validate(false) }

// ValidateOverlay is Validate for what shall lie over what a directory tells: it
// may name sites and links that only the directory has.
func (c Config) ValidateOverlay() fault.List { return c.validate(true) }

func (c Config) validate(overlay bool) fault.List {
	v := validator{config: &c, overlay: overlay}
	known := v.siteNames()
	v.subnets(known)
	links := v.linkNames(known)
	v.bridges(links)
	return v.faults
}

// names maps a folded name to where it was first given, and how.
type names map[string]given

type given struct{ at, name string }

type validator struct {
	config  *Config
	overlay bool
	faults  fault.List
}

func (v *validator) siteNames() names {
	known := make(names, len(v.config.Sites))
	for i, name := range v.config.Sites {
		at := fmt.Sprintf("sites[%d]", i)
		if problem := siteNameProblem(name); problem != "" {
			v.faults.Addf(at, "%s", problem)
			continue
		}
		v.claim(known, "site", name, at)
	}
	return known
}

func siteNameProblem(name string) string {
	switch {
	case name == "":
		return "a site needs a name"
	case strings.TrimSpace(name) != name:
		return fmt.Sprintf("site name %q begins or ends with a space", name)
	case utf8.RuneCountInString(name) > maxSiteName:
		return fmt.Sprintf("site name %q has more than %d characters", name, maxSiteName)
	case strings.ContainsAny(name, "=,"):
		return fmt.Sprintf("site name %q holds a %q or a %q", name, '=', ',')
	case strings.ContainsFunc(name, unicode.IsControl), !utf8.ValidString(name):
		return fmt.Sprintf("site name %q holds a control character", name)
	}
	return ""
}

// claim notes a name, or says who has it already. Case does not count.
func (v *validator) claim(known names, kind, name, at string) {
	first, taken := known[fold(name)]
	if taken {
		v.faults.AddOtherf(at, first.at, "%s %q is the same as %q", kind, name, first.name)
		return
	}
	known[fold(name)] = given{at: at, name: name}
}

func (v *validator) subnets(known names) {
	first := make(map[netip.Prefix]int, len(v.config.Subnets))
	for i, s := range v.config.Subnets {
		at := fmt.Sprintf("subnets[%d]", i)
		if problem := prefixProblem(s.Prefix); problem != "" {
			v.faults.Addf(at+".prefix", "%s", problem)
		} else if j, taken := first[s.Prefix]; taken {
			v.faults.AddOtherf(at+".prefix", fmt.Sprintf("subnets[%d].prefix", j),
				"subnet %s is already one of site %q", s.Prefix, v.config.Subnets[j].Site)
		} else {
			first[s.Prefix] = i
		}
		v.known(known, s.Site, at+".site")
	}
}

func prefixProblem(p netip.Prefix) string {
	switch {
	case !p.IsValid():
		return "a subnet needs a prefix, such as 10.1.0.0/16"
	case p.Addr().Is4In6():
		return fmt.Sprintf("subnet %s is IPv4 within IPv6; write the IPv4 prefix", p)
	case p != p.Masked():
		return fmt.Sprintf("subnet %s has bits set beyond its length; write %s", p, p.Masked())
	}
	return ""
}

// known reports whether a site that is referred to is listed, and complains
// where it is not.
func (v *validator) known(known names, site, at string) bool {
	if site == "" {
		v.faults.Addf(at, "a site is needed here")
		return false
	}
	_, ok := known[fold(site)]
	if !ok && !v.overlay {
		v.faults.Addf(at, "no site %q in sites", site)
	}
	return ok || v.overlay
}

func (v *validator) linkNames(known names) names {
	links := make(names, len(v.config.Links))
	for i, l := range v.config.Links {
		at := fmt.Sprintf("links[%d]", i)
		if l.Name == "" {
			v.faults.Addf(at+".name", "a site link needs a name")
		} else {
			v.claim(links, "site link", l.Name, at+".name")
		}
		v.linkSites(known, l, at)
		if l.Cost < 1 || l.Cost > math.MaxInt32 {
			v.faults.Addf(at+".cost", "cost %d of site link %q is not within 1 and %d", l.Cost, l.Name, math.MaxInt32)
		}
	}
	return links
}

func (v *validator) linkSites(known names, l LinkConfig, at string) {
	if len(l.Sites) < 2 {
		v.faults.Addf(at+".sites", "site link %q joins %d sites; it needs at least 2", l.Name, len(l.Sites))
	}
	members := make(names, len(l.Sites))
	for j, site := range l.Sites {
		at := fmt.Sprintf("%s.sites[%d]", at, j)
		if v.known(known, site, at) {
			v.claim(members, "site", site, at)
		}
	}
}

func (v *validator) bridges(links names) {
	bridges := make(names, len(v.config.Bridges))
	for i, b := range v.config.Bridges {
		at := fmt.Sprintf("bridges[%d]", i)
		if b.Name == "" {
			v.faults.Addf(at+".name", "a bridge needs a name")
		} else {
			v.claim(bridges, "bridge", b.Name, at+".name")
		}
		v.bridgeLinks(links, b, at)
	}
}

func (v *validator) bridgeLinks(links names, b BridgeConfig, at string) {
	if len(b.Links) < 2 {
		v.faults.Addf(at+".links", "bridge %q joins %d site links; it needs at least 2", b.Name, len(b.Links))
	}
	members := make(names, len(b.Links))
	for j, link := range b.Links {
		at := fmt.Sprintf("%s.links[%d]", at, j)
		if _, ok := links[fold(link)]; !ok && !v.overlay {
			v.faults.Addf(at, "no site link %q in links", link)
			continue
		}
		v.claim(members, "site link", link, at)
	}
}
