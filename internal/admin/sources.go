package admin

import (
	"strings"

	"dfsd/sites"
)

// The sources of what is in a SiteList.
const (
	fromConfiguration = "configuration"
	fromDirectory     = "directory"
)

// Sources tells whence the sites of a Picture are.
type Sources struct {
	// Directory says that a directory tells of sites; what Static does not name
	// is from there.
	Directory bool
	Static    *sites.Config // of the configuration file; nil: it has none
}

// origins answers for single sites, subnets and links.
type origins struct {
	directory             bool
	sites, subnets, links map[string]bool // of the configuration
}

func (s Sources) origins() origins {
	o := origins{s.Directory, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	if s.Static == nil {
		return o
	}
	for _, name := range s.Static.Sites {
		o.sites[strings.ToLower(name)] = true
	}
	for _, n := range s.Static.Subnets {
		o.subnets[n.Prefix.Masked().String()] = true
	}
	for _, l := range s.Static.Links {
		o.links[strings.ToLower(l.Name)] = true
	}
	return o
}

func (o origins) of(own map[string]bool, name string) string {
	if !o.directory || own[name] {
		return fromConfiguration
	}
	return fromDirectory
}

func (o origins) site(name string) string     { return o.of(o.sites, strings.ToLower(name)) }
func (o origins) subnet(prefix string) string { return o.of(o.subnets, prefix) }
func (o origins) link(name string) string     { return o.of(o.links, strings.ToLower(name)) }
