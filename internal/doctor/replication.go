package doctor

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"dfsd/replication"
)

// replicationProtocol is what members' TLS is asked for.
const replicationProtocol = "dfsd-replication"

func (d *doctor) replicationChecks() []Check {
	if d.Replication == nil {
		return nil
	}
	var checks []Check
	if d.OwnKey != nil {
		checks = append(checks, check(Replication, "own key", d.checkOwnKey))
	}
	for _, g := range d.Replication.Groups {
		if _, ours := g.Member(d.Host); !ours {
			continue
		}
		checks = append(checks, check(Replication, g.Name, func(_ context.Context, r *report) { checkIslands(r, g) }))
	}
	for _, p := range d.partners() {
		checks = append(checks, check(Replication, p.Host, func(ctx context.Context, r *report) { d.checkPartner(ctx, r, p) }))
	}
	return checks
}

// checkOwnKey compares this host's key with the one that partners expect.
func (d *doctor) checkOwnKey(_ context.Context, r *report) {
	var expected []string // where the configuration names this host, and not this key
	key, err := d.OwnKey()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.add(Failed, "own key", "dfsd identity --data-dir "+d.DataDir, "this host has no key: partners do not accept it")
		return
	case err != nil:
		r.add(Failed, "own key", "chmod 600 "+d.DataDir+"/identity.key, as the user that runs the daemon", "this host's key cannot be read: %v", err)
		return
	}
	found := false
	for _, g := range d.Replication.Groups {
		m, ok := g.Member(d.Host)
		found = found || ok
		if ok && m.Key != key {
			expected = append(expected, g.Name)
		}
	}
	for _, o := range d.Replication.Observers {
		same := replication.SameHost(o.Host, d.Host)
		found = found || same
		if same && o.Key != key {
			expected = append(expected, "observers")
		}
	}
	switch {
	case len(expected) > 0:
		r.add(Failed, "own key", fmt.Sprintf("set the key of %s in replication to '%s' on every host, then: dfsd config reload", d.Host, key),
			"the configuration names another key for this host in %s", strings.Join(expected, ", "))
	case !found && d.refersReplicas():
		r.add(Warning, "own key", fmt.Sprintf("put {host: %s, key: '%s'} into replication.observers on every host; then: dfsd config reload on the members, and restart dfsd here", d.Host, key),
			"this host is neither a member nor an observer, and hears nothing of the replication of its namespaces' folders: their targets all count as lagging")
	case !found:
		r.add(Notice, "own key", "", "this host is in no replication group; its key is %s", key)
	default:
		r.okf("own key", "%s, as the configuration says", key)
	}
}

// refersReplicas reports whether this host sends clients to folders that replicate.
func (d *doctor) refersReplicas() bool {
	if d.Namespaces == nil || len(d.SMBListen) == 0 {
		return false
	}
	for _, root := range d.Namespaces.Roots() {
		for link := range root.Links() {
			if link.Replicates() != "" {
				return true
			}
		}
	}
	return false
}

func checkIslands(r *report, g replication.GroupConfig) {
	islands := g.Islands()
	if len(islands) <= 1 {
		r.okf(g.Name, "all %s are joined by connections", countOf(len(g.Members), "member"))
		return
	}
	r.add(Warning, g.Name, fmt.Sprintf("add a connection between %s and %s to topology of the group %s", islands[0][0], islands[1][0], g.Name),
		"the connections leave %d islands between which nothing travels", len(islands))
}

// partners are the members that this host has a connection with, each address
// once.
func (d *doctor) partners() []replication.MemberConfig {
	var partners []replication.MemberConfig
	seen := map[replication.MemberConfig]bool{}
	for _, g := range d.Replication.Groups {
		if _, ours := g.Member(d.Host); !ours {
			continue
		}
		for _, m := range g.Members {
			connected := g.Sends(d.Host, m.Host) || g.Sends(m.Host, d.Host)
			if replication.SameHost(m.Host, d.Host) || !connected || seen[m] {
				continue
			}
			seen[m] = true
			partners = append(partners, m)
		}
	}
	return partners
}

// checkPartner connects to a member and looks at the key that it proves. It
// shows no key itself, so that the member takes nothing from it.
func (d *doctor) checkPartner(ctx context.Context, r *report, m replication.MemberConfig) {
	raw, err := d.connect(ctx, m.Address)
	if err != nil {
		r.add(Failed, m.Host, fmt.Sprintf("on %s: systemctl start dfsd, and let TCP %s through; or correct the member's address", m.Host, portOf(m.Address)),
			"the partner takes no connection at %s: %v", m.Address, err)
		return
	}
	defer raw.Close()
	defer until(ctx, raw, talkTimeout)()
	var got replication.Fingerprint
	conn := tls.Client(raw, &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{replicationProtocol},
		// Members are known by their keys alone, which are looked at below.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) > 0 {
				got = sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
			}
			return nil
		},
	})
	err = conn.HandshakeContext(ctx)
	switch {
	case err != nil && got.IsZero():
		r.add(Failed, m.Host, "correct the member's address: replication.listen of "+m.Host+" is meant", "what answers at %s is no replication partner: %v", m.Address, err)
	case m.Key.IsZero():
		r.add(Failed, m.Host, fmt.Sprintf("compare with `dfsd identity` on %s, then set the member's key to '%s'", m.Host, got), "the configuration has no key for the partner")
	case got != m.Key:
		r.add(Failed, m.Host, fmt.Sprintf("dfsd identity on %s must print %s; if it does, set the member's key to it on every host", m.Host, got),
			"the partner at %s proves the key %s, and the configuration says %s", m.Address, got, m.Key)
	default:
		r.okf(m.Host, "the partner answers at %s and proves its key", m.Address)
	}
}
