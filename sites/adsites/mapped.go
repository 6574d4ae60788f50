package adsites

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// mappedDirectory reads a directory other than Active Directory, whose objects
// and attributes the configuration names.
type mappedDirectory struct{ mapping MappingConfig }

// versionAttributes tell one state of an object from the next (RFC 4530 and
// RFC 4512 3.4; entryCSN of OpenLDAP counts within a second).
var versionAttributes = []string{"entryCSN", "modifyTimestamp"}

func (mappedDirectory) identify(_ context.Context, s *session) (string, error) {
	return strings.ToLower(s.target.name), nil
}

// position returns the change sequence numbers of the database, or "" where
// this account or this server does not show them.
func (d mappedDirectory) position(ctx context.Context, s *session) (string, error) {
	suffix, ok := d.suffix(s.root.contexts)
	if !ok {
		return "", nil
	}
	var numbers []string
	q := query{base: suffix, scope: ldap.ScopeBaseObject, filter: "(objectClass=*)", attributes: []string{"contextCSN"}}
	err := s.search(ctx, &budget{}, q, func(e *ldap.Entry) error {
		numbers = e.GetEqualFoldAttributeValues("contextCSN")
		return nil
	})
	if hasResult(err, ldap.LDAPResultNoSuchObject) || hasResult(err, ldap.LDAPResultInsufficientAccessRights) {
		return "", nil
	}
	slices.Sort(numbers)
	return strings.Join(numbers, " "), err
}

// suffix returns the naming context that holds the base.
func (d mappedDirectory) suffix(contexts []string) (string, bool) {
	for base := d.mapping.Base; base != ""; base = parentDN(base) {
		for _, c := range contexts {
			if c != "" && dnKey(c) == dnKey(base) {
				return c, true
			}
		}
	}
	return "", false
}

// read reads all objects between two sums of their versions.
func (d mappedDirectory) read(ctx context.Context, s *session, b *budget) (rows, cursor, error) {
	var raw rows
	contents, err := d.sum(ctx, s)
	if err != nil {
		return raw, cursor{}, err
	}
	m := d.mapping
	searches := []struct {
		filter     string
		attributes []string
		each       func(*ldap.Entry) error
	}{
		{m.Sites.Filter, []string{m.Sites.Name}, func(e *ldap.Entry) error {
			raw.sites = append(raw.sites, siteRow{e.DN, e.GetEqualFoldAttributeValue(m.Sites.Name)})
			return nil
		}},
		{m.Subnets.Filter, []string{m.Subnets.Prefix, m.Subnets.Site}, func(e *ldap.Entry) error {
			raw.takeMappedSubnet(e, m.Subnets)
			return nil
		}},
		{m.Links.Filter, []string{m.Links.Name, m.Links.Sites, m.Links.Cost}, func(e *ldap.Entry) error {
			raw.links = append(raw.links, linkRow{
				e.DN, e.GetEqualFoldAttributeValue(m.Links.Name), e.GetEqualFoldAttributeValues(m.Links.Sites), costOf(e, m.Links.Cost),
			})
			return nil
		}},
	}
	for _, q := range searches {
		if q.filter == "" {
			continue
		}
		attributes := slices.DeleteFunc(q.attributes, func(a string) bool { return a == "" })
		if err := s.search(ctx, b, query{base: m.Base, scope: ldap.ScopeWholeSubtree, filter: q.filter, attributes: attributes}, q.each); err != nil {
			return raw, cursor{}, err
		}
	}
	return raw, cursor{origin: s.origin, contents: contents}, nil
}

// takeMappedSubnet makes a row of each prefix of an object: a site may carry
// all of its own.
func (r *rows) takeMappedSubnet(e *ldap.Entry, m SubnetMapping) {
	site := e.GetEqualFoldAttributeValue(m.Site)
	prefixes := e.GetEqualFoldAttributeValues(m.Prefix)
	if len(prefixes) == 0 {
		prefixes = []string{""}
	}
	for _, p := range prefixes {
		r.subnets = append(r.subnets, subnetRow{e.DN, p, site})
	}
}

func costOf(e *ldap.Entry, attribute string) string {
	if attribute == "" {
		return ""
	}
	return e.GetEqualFoldAttributeValue(attribute)
}

func (d mappedDirectory) changed(ctx context.Context, s *session, mark cursor) (bool, error) {
	contents, err := d.sum(ctx, s)
	return contents != mark.contents, err
}

// sum adds up the names and versions of all objects in any order.
func (d mappedDirectory) sum(ctx context.Context, s *session) (uint64, error) {
	filter := "(|" + d.mapping.Sites.Filter + d.mapping.Subnets.Filter + d.mapping.Links.Filter + ")"
	var sum uint64
	q := query{base: d.mapping.Base, scope: ldap.ScopeWholeSubtree, filter: filter, attributes: versionAttributes}
	err := s.search(ctx, &budget{}, q, func(e *ldap.Entry) error {
		h := fnv.New64a()
		fmt.Fprintf(h, "%q", e.DN)
		for _, a := range versionAttributes {
			fmt.Fprintf(h, " %q", e.GetEqualFoldAttributeValue(a))
		}
		sum += h.Sum64()
		return nil
	})
	return sum, err
}
