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

// harvest is what a reading has got together so far.
type harvest struct {
	rows
	missing []missing
}

// missing is an attribute of which an answer held the first values only. The
// others are asked for when that search has ended: the LDAP library hands on
// nothing for a second one while the first one's answers wait to be taken.
type missing struct {
	dn, attribute string
	next          int // the number of the first value that is missing
	add           func(values []string)
}

// read reads all objects; the cursor is of the moment before.
func (d activeDirectory) read(ctx context.Context, s *session, b *budget) (rows, cursor, error) {
	all := harvest{rows: rows{windows: true}}
	if _, err := d.position(ctx, s); err != nil {
		return all.rows, cursor{}, err
	}
	mark := cursor{origin: s.origin, usn: s.root.usn}
	searches := []struct {
		query
		each func(*ldap.Entry) error
	}{
		{query{sitesDN(s), ldap.ScopeSingleLevel, "(objectClass=site)", []string{"name"}, false, false}, all.takeSite},
		{query{"CN=Subnets," + sitesDN(s), ldap.ScopeSingleLevel, "(objectClass=subnet)", []string{"siteObject"}, false, false}, all.takeSubnet},
		{query{transportDN(s), ldap.ScopeBaseObject, "(objectClass=*)", []string{"options"}, false, false}, all.takeTransport},
		{query{transportDN(s), ldap.ScopeSingleLevel, "(objectClass=siteLink)", []string{"siteList", "cost"}, false, false}, all.takeLink},
		{query{transportDN(s), ldap.ScopeSingleLevel, "(objectClass=siteLinkBridge)", []string{"siteLinkList"}, false, false}, all.takeBridge},
	}
	for _, q := range searches {
		if err := s.search(ctx, b, q.query, q.each); err != nil {
			return all.rows, cursor{}, err
		}
	}
	for _, m := range all.missing {
		if err := s.complete(ctx, b, m); err != nil {
			return all.rows, cursor{}, err
		}
	}
	count, err := d.count(ctx, s)
	mark.objects = count
	return all.rows, mark, err
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

func (h *harvest) takeLink(e *ldap.Entry) error {
	name, _ := firstValue(e.DN)
	i := len(h.links)
	h.links = append(h.links, linkRow{dn: e.DN, name: name, cost: e.GetEqualFoldAttributeValue("cost")})
	h.take(e, "siteList", func(values []string) { h.links[i].sites = append(h.links[i].sites, values...) })
	return nil
}

func (h *harvest) takeBridge(e *ldap.Entry) error {
	name, _ := firstValue(e.DN)
	i := len(h.bridges)
	h.bridges = append(h.bridges, bridgeRow{dn: e.DN, name: name})
	h.take(e, "siteLinkList", func(values []string) { h.bridges[i].links = append(h.bridges[i].links, values...) })
	return nil
}

// take adds the values of an attribute that are there, and notes that others
// are not. A domain controller gives 1,500 at a time, as
// `siteList;range=0-1499` ([MS-ADTS] 3.1.1.3.1.3.3).
func (h *harvest) take(e *ldap.Entry, attribute string, add func(values []string)) {
	values, next := valuesOf(e, attribute)
	add(values)
	if next > 0 {
		h.missing = append(h.missing, missing{e.DN, attribute, next, add})
	}
}

// complete asks for the values that are missing until none is.
func (s *session) complete(ctx context.Context, b *budget, m missing) error {
	for next := m.next; next > 0; {
		from := next
		want := fmt.Sprintf("%s;range=%d-*", m.attribute, from)
		q := query{base: m.dn, scope: ldap.ScopeBaseObject, filter: "(objectClass=*)", attributes: []string{want}}
		next = 0
		err := s.search(ctx, b, q, func(more *ldap.Entry) error {
			var values []string
			values, next = valuesOf(more, m.attribute)
			m.add(values)
			return nil
		})
		if err != nil {
			return err
		}
		if next != 0 && next <= from {
			return fmt.Errorf("read %s of %q: the server gives the same values twice", m.attribute, m.dn)
		}
	}
	return nil
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

// changed reports whether anything in the topology changed since mark. A server
// that counts less than then was set back to an older state of its database.
func (d activeDirectory) changed(ctx context.Context, s *session, mark cursor) (bool, error) {
	if s.root.usn <= mark.usn {
		return s.root.usn < mark.usn, nil
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
