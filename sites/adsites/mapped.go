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

// read takes what the server has told since it is followed. A server that is
// not followed yet, or does not offer to be, is read as a whole: it is followed
// from then on, or read between two sums of its objects' versions.
func (d mappedDirectory) read(ctx context.Context, s *session, b *budget) (rows, cursor, error) {
	if s.feed == nil && d.tellsChanges(s) {
		if err := d.follow(ctx, s, b); err != nil {
			return rows{}, cursor{}, err
		}
	}
	if s.feed != nil {
		raw, changes, err := s.feed.snapshot(ctx)
		return raw, cursor{origin: s.origin, feed: s.feed, contents: changes}, err
	}
	sum, err := d.sum(ctx, s)
	if err != nil {
		return rows{}, cursor{}, err
	}
	c, _, err := d.readAll(ctx, s, b)
	return c.rows(), cursor{origin: s.origin, contents: sum}, err
}

// tellsChanges reports whether a server may be followed.
func (d mappedDirectory) tellsChanges(s *session) bool {
	return s.root.controls[ldap.ControlTypeSyncRequest] && !s.polled
}

// follow reads everything and has the server tell what changes from then on. It
// leaves the session without a feed where the server shows no position, or no
// identities of its objects.
func (d mappedDirectory) follow(ctx context.Context, s *session, b *budget) error {
	position, err := d.position(ctx, s)
	if err != nil || position == "" {
		return err
	}
	c, followable, err := d.readAll(ctx, s, b)
	if err != nil {
		return err
	}
	if !followable {
		s.polled = true
		return nil
	}
	s.feed, err = d.newFeed(ctx, s, c, position)
	return err
}

// readAll reads all objects. named: each of them has a UUID.
func (d mappedDirectory) readAll(ctx context.Context, s *session, b *budget) (c *content, named bool, err error) {
	c, named = newContent(), true
	for _, k := range d.mapping.kinds() {
		q := query{base: d.mapping.Base, scope: ldap.ScopeWholeSubtree, filter: k.filter, attributes: append([]string{attributeUUID}, k.attributes...)}
		err := s.search(ctx, b, q, func(e *ldap.Entry) error {
			id, isUUID := identityOf(e)
			named = named && isUUID
			k.put(c, id, e)
			return nil
		})
		if err != nil {
			return c, false, err
		}
	}
	return c, named, nil
}

// changed reports whether anything is no longer as it was at mark.
func (d mappedDirectory) changed(ctx context.Context, s *session, mark cursor) (bool, error) {
	if s.feed != mark.feed {
		return true, nil
	}
	if s.feed != nil {
		return s.feed.since(mark.contents)
	}
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
