package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dfsd/namespace"
	"dfsd/referral/health"
)

// maxPaths bounds the paths of one host that a knock looks at.
const maxPaths = 16

// server is one file server and what of it is looked at.
type server struct {
	host string
	// paths are of targets there, without the host: share\folder.
	paths []string
	// online says that some target on it is given out in referrals.
	online bool
	// link is the first link that has a target there, \\HOST\namespace\path.
	link string
}

func (d *doctor) targetChecks() []Check {
	if d.Namespaces == nil || d.ProbeTarget == nil {
		return nil
	}
	servers := d.servers()
	var checks []Check
	for at := 0; at < len(servers); at += batch {
		some := servers[at:min(at+batch, len(servers))]
		checks = append(checks, check(Targets, some[0].host+" and following", func(ctx context.Context, r *report) { d.knock(ctx, r, some) }))
	}
	if more := len(d.Namespaces.Hosts()) - len(servers); more > 0 {
		checks = append(checks, check(Targets, "further hosts", func(_ context.Context, r *report) {
			r.add(Notice, "further hosts", "set namespaces[].probe, and the daemon looks at all of them", "%s of targets are not looked at", countOf(more, "host"))
		}))
	}
	return checks
}

// servers are the first thousand hosts of targets, with what stands on them.
func (d *doctor) servers() []server {
	all := make([]server, len(d.targetHosts()))
	for i, h := range d.targetHosts() {
		all[i].host = h
	}
	for _, root := range d.Namespaces.Roots() {
		for link := range root.Links() {
			for i := range link.NumTargets() {
				t := link.Target(i)
				if int(t.HostID()) >= len(all) {
					continue
				}
				s := &all[t.HostID()]
				s.online = s.online || t.State() == namespace.Online
				if len(s.paths) < maxPaths {
					s.paths = append(s.paths, strings.TrimPrefix(t.Path(), `\\`+t.Host()+`\`))
				}
				if s.link == "" {
					s.link = fmt.Sprintf(`\\%s\%s\%s`, d.Host, root.Name(), link.Path())
				}
			}
		}
	}
	return all
}

// knock probes a batch of servers.
func (d *doctor) knock(ctx context.Context, r *report, servers []server) {
	type answer struct {
		health.Result
		took time.Duration
	}
	answers := each(servers, func(s server) answer {
		start := time.Now()
		result := d.ProbeTarget(ctx, s.host, s.paths)
		return answer{result, time.Since(start)}
	})
	for i, s := range servers {
		before := len(r.findings)
		s.tell(r, answers[i].Result)
		for j := range r.findings[before:] {
			r.findings[before+j].Seconds = answers[i].took.Seconds()
		}
	}
}

// tell makes findings of what a knock found.
func (s server) tell(r *report, result health.Result) {
	if result.Host != nil {
		s.fault(r, s.host, s.path(0), *result.Host, result.Local)
		return
	}
	bad := 0
	for i := range s.paths {
		f := &health.Failure{Stage: health.StagePath} // of a path without an entry
		if i < len(result.Targets) {
			f = result.Targets[i]
		}
		if f != nil {
			s.fault(r, s.path(i), s.path(i), *f, result.Local)
			bad++
		}
	}
	if bad == 0 {
		r.okf(s.host, "the file server answers")
	}
}

// path is a target as the configuration has it, \\host\share\folder.
func (s server) path(i int) string {
	if i >= len(s.paths) {
		return `\\` + s.host
	}
	return `\\` + s.host + `\` + s.paths[i]
}

// fault makes a finding of one failure. A host whose targets are all offline
// misses nobody, and a fault of our own says nothing about the host.
func (s server) fault(r *report, subject, path string, f health.Failure, local bool) {
	level := Failed
	if !s.online {
		level = Notice
	}
	if local {
		r.skipf(subject, "this host could not look: %s", reasonOf(f))
		return
	}
	r.add(level, subject, s.mend(f.Stage, path), "%s: %s", stageText(f.Stage), reasonOf(f))
}

func reasonOf(f health.Failure) string {
	if f.Err == nil {
		return "nothing more is known"
	}
	return printableLong(f.Err.Error())
}

func stageText(stage health.Stage) string {
	switch stage {
	case health.StageResolve:
		return "the host is not found"
	case health.StageDial:
		return "the file server takes no connection"
	case health.StageNegotiate:
		return "the port is open, and no SMB 2 or 3 is spoken there"
	case health.StageSession:
		return "the file server refuses the log-on"
	case health.StageTree:
		return "the share cannot be opened"
	case health.StagePath:
		return "the folder in the share cannot be opened"
	}
	return "the file server is not well"
}

func (s server) mend(stage health.Stage, path string) string {
	switch stage {
	case health.StageResolve:
		return mendHost(s.host)
	case health.StageDial:
		return fmt.Sprintf("on %s: systemctl start smbd (Windows: Start-Service LanmanServer), and let TCP 445 through; until then: dfsd target offline '%s' '%s'", s.host, s.link, path)
	case health.StageNegotiate:
		return fmt.Sprintf("on %s: server min protocol = SMB2_10 in smb.conf (Windows: Set-SmbServerConfiguration -EnableSMB2Protocol $true)", s.host)
	case health.StageSession:
		return "correct user and password_file of namespaces[].probe; the account needs to read the share"
	case health.StageTree:
		return fmt.Sprintf("on %s: create the share %s, or correct namespaces[].folders[].targets[].path", s.host, shareOf(path))
	case health.StagePath:
		return fmt.Sprintf("on %s: create the folder behind %s, or correct namespaces[].folders[].targets[].path", s.host, path)
	}
	return fmt.Sprintf("dfsd target offline '%s' '%s'", s.link, path)
}

// shareOf is the second component of \\host\share\path.
func shareOf(path string) string {
	parts := strings.SplitN(strings.TrimPrefix(path, `\\`), `\`, 3)
	if len(parts) < 2 {
		return path
	}
	return parts[1]
}
