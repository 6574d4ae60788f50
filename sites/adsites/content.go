package adsites

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// content is what a mapped directory holds, each object under its identity:
// the 16 bytes of its entryUUID (RFC 4530), or its DN where the server has none.
type content struct {
	sites   map[string]siteRow
	subnets map[string][]subnetRow
	links   map[string]linkRow
}

func newContent() *content {
	return &content{sites: map[string]siteRow{}, subnets: map[string][]subnetRow{}, links: map[string]linkRow{}}
}

// kind is one of the searches that make up a mapped directory: what to ask, and
// how objects come into a content and leave it.
type kind struct {
	filter     string
	attributes []string
	put        func(c *content, id string, e *ldap.Entry)
	remove     func(c *content, id string)
	ids        func(c *content) []string
}

// kinds are the searches of a mapping.
func (m MappingConfig) kinds() []kind {
	all := []kind{
		{
			filter: m.Sites.Filter, attributes: []string{m.Sites.Name},
			put: func(c *content, id string, e *ldap.Entry) {
				c.sites[id] = siteRow{e.DN, e.GetEqualFoldAttributeValue(m.Sites.Name)}
			},
			remove: func(c *content, id string) { delete(c.sites, id) },
			ids:    func(c *content) []string { return keysOf(c.sites) },
		},
		{
			filter: m.Subnets.Filter, attributes: []string{m.Subnets.Prefix, m.Subnets.Site},
			put:    func(c *content, id string, e *ldap.Entry) { c.subnets[id] = mappedSubnets(e, m.Subnets) },
			remove: func(c *content, id string) { delete(c.subnets, id) },
			ids:    func(c *content) []string { return keysOf(c.subnets) },
		},
		{
			filter: m.Links.Filter, attributes: []string{m.Links.Name, m.Links.Sites, m.Links.Cost},
			put: func(c *content, id string, e *ldap.Entry) {
				c.links[id] = linkRow{
					e.DN, e.GetEqualFoldAttributeValue(m.Links.Name), e.GetEqualFoldAttributeValues(m.Links.Sites), costOf(e, m.Links.Cost),
				}
			},
			remove: func(c *content, id string) { delete(c.links, id) },
			ids:    func(c *content) []string { return keysOf(c.links) },
		},
	}
	all = slices.DeleteFunc(all, func(k kind) bool { return k.filter == "" })
	for i := range all {
		all[i].attributes = slices.DeleteFunc(all[i].attributes, func(a string) bool { return a == "" })
	}
	return all
}

func keysOf[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

// mappedSubnets makes a row of each prefix of an object: a site may carry all
// of its own.
func mappedSubnets(e *ldap.Entry, m SubnetMapping) []subnetRow {
	site := e.GetEqualFoldAttributeValue(m.Site)
	prefixes := e.GetEqualFoldAttributeValues(m.Prefix)
	if len(prefixes) == 0 {
		prefixes = []string{""}
	}
	rows := make([]subnetRow, len(prefixes))
	for i, p := range prefixes {
		rows[i] = subnetRow{e.DN, p, site}
	}
	return rows
}

func costOf(e *ldap.Entry, attribute string) string {
	if attribute == "" {
		return ""
	}
	return e.GetEqualFoldAttributeValue(attribute)
}

// rows returns all objects in no order. What they share with c does not change.
func (c *content) rows() rows {
	raw := rows{
		sites: make([]siteRow, 0, len(c.sites)), subnets: make([]subnetRow, 0, len(c.subnets)), links: make([]linkRow, 0, len(c.links)),
	}
	for _, r := range c.sites {
		raw.sites = append(raw.sites, r)
	}
	for _, r := range c.subnets {
		raw.subnets = append(raw.subnets, r...)
	}
	for _, r := range c.links {
		raw.links = append(raw.links, r)
	}
	return raw
}

// attributeUUID names an object for ever, in 36 characters (RFC 4530).
const attributeUUID = "entryUUID"

// identityOf returns the identity of an entry, and whether that is a UUID.
func identityOf(e *ldap.Entry) (id string, isUUID bool) {
	text := strings.ReplaceAll(e.GetEqualFoldAttributeValue(attributeUUID), "-", "")
	if b, err := hex.DecodeString(text); err == nil && len(b) == 16 {
		return string(b), true
	}
	return e.DN, false
}
