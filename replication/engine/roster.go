package engine

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"go.uber.org/zap"

	"dfsd/replication"
	"dfsd/replication/canary"
	"dfsd/replication/wire"
)

// roster is what one configuration gives an engine to do. It does not change; what
// two of them have in common goes on when the one takes the place of the other.
type roster struct {
	memberships []membership
	partners    []*partner
}

// membership is one folder of this host, with what may change while it is open.
type membership struct {
	folder *folder
	terms  *terms
	every  time.Duration  // that canary was made with; 0: none
	canary *canary.Canary // nil: none
}

// draft makes the roster of a configuration. What goes on as it is comes from the
// roster in force. Nothing runs yet, and what runs is not touched.
func (e *Engine) draft(c replication.Config) (*roster, error) {
	if err := e.checkKeys(c); err != nil {
		return nil, err
	}
	now, next := e.roster.Load(), &roster{}
	for _, s := range settingsOf(c, e.host) {
		m, err := e.member(now.find(s.spec.key), s)
		if err != nil {
			return nil, err
		}
		next.memberships = append(next.memberships, m)
	}
	next.partners = e.partnersOf(next.memberships, now.partners)
	return next, nil
}

// checkKeys refuses a configuration that gives this host the key of another.
func (e *Engine) checkKeys(c replication.Config) error {
	own := e.peer.Identity.Fingerprint()
	for _, g := range c.Groups {
		if m, ok := g.Member(e.host); ok && !m.Key.IsZero() && m.Key != own {
			return fmt.Errorf("the key of %s in group %s is %v, but this host's key is %v; correct it in the configuration of every member", m.Host, g.Name, m.Key, own)
		}
	}
	return nil
}

// member makes the membership that s asks for out of the one that there was, if
// any.
func (e *Engine) member(was membership, s setting) (m membership, err error) {
	m.folder = was.folder
	if was.folder == nil || !reflect.DeepEqual(was.folder.spec, s.spec) {
		if m.folder, err = newFolder(s.spec, &e.o); err != nil {
			return m, err
		}
	}
	m.terms = m.folder.termsOf(s)
	if m.every = s.canary; m.every == 0 {
		return m, nil
	}
	if m.canary = was.canary; m.folder != was.folder || was.every != m.every || !slices.Equal(was.terms.members, s.members) {
		m.canary = m.folder.newCanary(s, e.canaries)
	}
	return m, nil
}

// folders are all of the roster.
func (r *roster) folders() []*folder {
	all := make([]*folder, len(r.memberships))
	for i, m := range r.memberships {
		all[i] = m.folder
	}
	return all
}

// canaries are those of the folders that have one.
func (r *roster) canaries() []*canary.Canary {
	var all []*canary.Canary
	for _, m := range r.memberships {
		if m.canary != nil {
			all = append(all, m.canary)
		}
	}
	return all
}

// find returns the membership of a folder, none if there is not.
func (r *roster) find(key wire.FolderKey) membership {
	for _, m := range r.memberships {
		if m.folder.spec.key == key {
			return m
		}
	}
	return membership{}
}

// partnersOf collects the partners of all folders: one a key. Those of before that
// are the same go on.
func (e *Engine) partnersOf(memberships []membership, before []*partner) []*partner {
	byKey := map[replication.Fingerprint]*partner{}
	var all []*partner
	for _, m := range memberships {
		for i, w := range m.terms.ways {
			p := byKey[w.partner.Key]
			if p == nil {
				p = newPartner(w.partner, e)
				byKey[w.partner.Key] = p
				all = append(all, p)
			}
			p.links[m.folder.spec.key] = m.terms.links[i]
		}
	}
	for i, p := range all {
		for _, old := range before {
			if old.Partner == p.Partner && maps.Equal(old.links, p.links) {
				all[i] = old
			}
		}
	}
	return all
}

// warnOfIslands tells of groups whose members do not all hear of each other.
func (e *Engine) warnOfIslands(c replication.Config) {
	for _, g := range c.Groups {
		if islands := g.Islands(); len(islands) > 1 {
			e.log.Warn("the topology has islands: what changes on one never reaches the others", zap.String("group", g.Name), zap.Any("islands", islands))
		}
	}
}
