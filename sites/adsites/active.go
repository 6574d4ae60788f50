package adsites

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

const (
	// topologyClasses is a filter for what makes up a topology. Below CN=Sites
	// stand servers and connections, too, which change all the time.
	topologyClasses = "(|(objectClass=site)(objectClass=subnet)(objectClass=siteLink)(objectClass=siteLinkBridge)(objectClass=interSiteTransport))"
	// alwaysCounted is the most objects that are counted at each poll to notice a
	// deletion, whether or not the account seems to see tombstones.
	alwaysCounted = 2_000
	// maxCounted is the same for accounts that do not see tombstones. In greater
	// estates such accounts notice a deletion at the next refresh.
	maxCounted = 20_000
)

// activeDirectory reads domain controllers.
type activeDirectory struct{}

// identify names the life of the database that answers: a restored domain
// controller counts anew and has a new invocationId.
func (activeDirectory) identify(ctx context.Context, s *session) (string, error) {
	switch {
	case s.root.configuration == "" || !s.root.hasUSN:
		return "", fmt.Errorf("this is no domain controller of Active Directory: set %smapping for another directory", setting)
	case s.root.unsynchronized:
		return "", errors.New("this domain controller says that it is not synchronized yet")
	}
	origin := strings.ToLower(s.target.name + " " + s.root.dsServiceName)
	if s.root.dsServiceName == "" {
		return origin, nil
	}
	q := query{base: s.root.dsServiceName, scope: ldap.ScopeBaseObject, filter: "(objectClass=*)", attributes: []string{"invocationId"}}
	err := s.search(ctx, &budget{}, q, func(e *ldap.Entry) error {
		if id := e.GetEqualFoldRawAttributeValue("invocationId"); len(id) > 0 {
			origin = hex.EncodeToString(id)
		}
		return nil
	})
	if hasResult(err, ldap.LDAPResultNoSuchObject) || hasResult(err, ldap.LDAPResultInsufficientAccessRights) {
		err = nil // the names must do
	}
	return origin, err
}

// position returns the last committed update sequence number.
func (activeDirectory) position(ctx context.Context, s *session) (string, error) {
	root, err := s.readRoot(ctx)
	if err != nil {
		return "", err
	}
	switch {
	case !root.hasUSN:
		return "", errors.New("the server no longer says its highestCommittedUSN")
	case root.unsynchronized:
		return "", errors.New("this domain controller says that it is not synchronized yet")
	}
	s.root.usn = root.usn
	return strconv.FormatInt(root.usn, 10), nil
}

func sitesDN(s *session) string { return "CN=Sites," + s.root.configuration }

func transportDN(s *session) string { return "CN=IP,CN=Inter-Site Transports," + sitesDN(s) }

// read reads all objects; the cursor is of the moment before.
func (d activeDirectory) read(ctx context.Context, s *session, b *budget) (rows, cursor, error) {
	raw := rows{windows: true}
	if _, err := d.position(ctx, s); err != nil {
		return raw, cursor{}, err
	}
	mark := cursor{origin: s.origin, usn: s.root.usn}
	searches := []struct {
		query
		each func(*ldap.Entry) error
	}{
		{query{sitesDN(s), ldap.ScopeSingleLevel, "(objectClass=site)", []string{"name"}, false, false}, raw.takeSite},
		{query{"CN=Subnets," + sitesDN(s), ldap.ScopeSingleLevel, "(objectClass=subnet)", []string{"siteObject"}, false, false}, raw.takeSubnet},
		{query{transportDN(s), ldap.ScopeBaseObject, "(objectClass=*)", []string{"options"}, false, false}, raw.takeTransport},
		{query{transportDN(s), ldap.ScopeSingleLevel, "(objectClass=siteLink)", []string{"siteList", "cost"}, false, false}, func(e *ldap.Entry) error {
			return raw.takeLink(ctx, s, b, e)
		}},
		{query{transportDN(s), ldap.ScopeSingleLevel, "(objectClass=siteLinkBridge)", []string{"siteLinkList"}, false, false}, func(e *ldap.Entry) error {
			return raw.takeBridge(ctx, s, b, e)
		}},
	}
	for _, q := range searches {
		if err := s.search(ctx, b, q.query, q.each); err != nil {
			return raw, cursor{}, err
		}
	}
	count, err := d.count(ctx, s)
	mark.objects = count
	return raw, mark, err
}

func (r *rows) takeSite(e *ldap.Entry) error {
	name, ok := firstValue(e.DN)
	if !ok {
		name = e.GetEqualFoldAttributeValue("name")
	}
	r.sites = append(r.sites, siteRow{e.DN, name})
	return nil
}

func (r *rows) takeSubnet(e *ldap.Entry) error {
	prefix, _ := firstValue(e.DN)
	r.subnets = append(r.subnets, subnetRow{e.DN, prefix, e.GetEqualFoldAttributeValue("siteObject")})
	return nil
}

func (r *rows) takeTransport(e *ldap.Entry) error {
	r.options = e.GetEqualFoldAttributeValue("options")
	return nil
}

func (r *rows) takeLink(ctx context.Context, s *session, b *budget, e *ldap.Entry) error {
	name, _ := firstValue(e.DN)
	members, err := s.values(ctx, b, e, "siteList")
	r.links = append(r.links, linkRow{e.DN, name, members, e.GetEqualFoldAttributeValue("cost")})
	return err
}

func (r *rows) takeBridge(ctx context.Context, s *session, b *budget, e *ldap.Entry) error {
	name, _ := firstValue(e.DN)
	links, err := s.values(ctx, b, e, "siteLinkList")
	r.bridges = append(r.bridges, bridgeRow{e.DN, name, links})
	return err
}

// values returns all values of an attribute. A domain controller gives 1,500
// at a time, as `siteList;range=0-1499` ([MS-ADTS] 3.1.1.3.1.3.3).
func (s *session) values(ctx context.Context, b *budget, e *ldap.Entry, attribute string) ([]string, error) {
	all, next := valuesOf(e, attribute)
	for next > 0 {
		from := next
		want := fmt.Sprintf("%s;range=%d-*", attribute, from)
		q := query{base: e.DN, scope: ldap.ScopeBaseObject, filter: "(objectClass=*)", attributes: []string{want}}
		next = 0
		err := s.search(ctx, b, q, func(more *ldap.Entry) error {
			var values []string
			values, next = valuesOf(more, attribute)
			all = append(all, values...)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if next != 0 && next <= from {
			return nil, fmt.Errorf("read %s of %q: the server gives the same values twice", attribute, e.DN)
		}
	}
	return all, nil
}

// valuesOf returns the values of an attribute in one answer, and the number
// of the first one missing; 0: none is.
func valuesOf(e *ldap.Entry, attribute string) (values []string, next int) {
	for _, a := range e.Attributes {
		name, option, ranged := strings.Cut(a.Name, ";")
		if !strings.EqualFold(name, attribute) || len(a.Values) == 0 {
			continue
		}
		values = append(values, a.Values...)
		if !ranged {
			continue
		}
		_, last, _ := strings.Cut(option, "-")
		if n, err := strconv.Atoi(last); err == nil && n >= 0 {
			next = n + 1
		}
	}
	return values, next
}

// changed reports whether anything in the topology changed since mark.
func (d activeDirectory) changed(ctx context.Context, s *session, mark cursor) (bool, error) {
	if s.root.usn == mark.usn {
		return false, nil
	}
	since := fmt.Sprintf("(uSNChanged>=%d)", mark.usn+1)
	found := false
	hit := func(*ldap.Entry) error { found = true; return nil }
	live := query{base: sitesDN(s), scope: ldap.ScopeWholeSubtree, filter: "(&" + since + topologyClasses + ")", first: true}
	if err := s.search(ctx, &budget{}, live, hit); err != nil || found {
		return found, err
	}
	deleted, err := d.deletedSince(ctx, s, since)
	counted := mark.objects <= alwaysCounted || s.deletedHidden && mark.objects <= maxCounted
	if err != nil || deleted || !counted {
		return deleted, err
	}
	count, err := d.count(ctx, s)
	return count != mark.objects, err
}

// deletedSince looks for tombstones. Accounts without rights do not see the
// container that holds them; then deletions are noticed by their number.
func (activeDirectory) deletedSince(ctx context.Context, s *session, since string) (bool, error) {
	if s.deletedHidden {
		return false, nil
	}
	q := query{
		base: "CN=Deleted Objects," + s.root.configuration, scope: ldap.ScopeWholeSubtree, deleted: true, first: true,
		filter: "(&(isDeleted=TRUE)" + since + topologyClasses + ")",
	}
	found := false
	err := s.search(ctx, &budget{}, q, func(*ldap.Entry) error { found = true; return nil })
	return found, err
}

// seesDeleted reports whether this account sees the container of tombstones,
// which is marked as deleted itself. Administrators do.
func (activeDirectory) seesDeleted(ctx context.Context, s *session) (bool, error) {
	if !s.root.controls[controlShowDeleted] {
		return false, nil
	}
	q := query{
		base: "CN=Deleted Objects," + s.root.configuration, scope: ldap.ScopeWholeSubtree, deleted: true, first: true,
		filter: "(objectClass=*)",
	}
	found := false
	err := s.search(ctx, &budget{}, q, func(*ldap.Entry) error { found = true; return nil })
	for _, code := range []uint16{ldap.LDAPResultNoSuchObject, ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultUnwillingToPerform} {
		if hasResult(err, code) {
			return false, nil
		}
	}
	return found, err
}

// count returns how many objects the topology has.
func (activeDirectory) count(ctx context.Context, s *session) (int, error) {
	b := &budget{}
	q := query{base: sitesDN(s), scope: ldap.ScopeWholeSubtree, filter: topologyClasses}
	err := s.search(ctx, b, q, func(*ldap.Entry) error { return nil })
	return b.entries, err
}
