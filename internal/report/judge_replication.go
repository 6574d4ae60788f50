package report

import (
	"cmp"
	"slices"
	"strings"

	"dfsd/internal/event"
	"dfsd/internal/quantity"
	"dfsd/replication/status"
)

// judgeReplication looks at the members, their folders and their connections.
func (j *judging) judgeReplication() {
	j.links = connections(j.f, j.since)
	for i := range j.f.Members {
		m := &j.f.Members[i]
		j.tally.members++
		j.judgeMember(m)
		for k := range m.Folders {
			name := strings.ToLower(folderName(m.Folders[k]))
			r := j.replicated[name]
			if r == nil {
				r = &replicated{name: folderName(m.Folders[k])}
				j.replicated[name] = r
			}
			r.holders = append(r.holders, m.Host)
			j.judgeReplica(m, &m.Folders[k], r)
		}
	}
	for i := range j.links {
		j.judgeLink(&j.links[i], j.replicated[strings.ToLower(j.links[i].folder)])
	}
	for _, name := range sortedKeys(j.replicated) {
		j.judgeFolderWhole(j.replicated[name])
	}
}

// replicated is one replicated folder over all members.
type replicated struct {
	name    string
	holders []string // hosts
	linked  bool     // some connection is of it
	behind  bool
	paused  bool
	halted  bool
	// busy are the hosts, in lower case, on which it is synced initially or its
	// index rebuilt.
	busy []string
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// judgeFolderWhole counts a folder, and tells where nothing is replicated.
func (j *judging) judgeFolderWhole(r *replicated) {
	j.tally.replicated++
	for _, c := range []struct {
		has   bool
		count *int
	}{{r.behind, &j.tally.behind}, {r.paused, &j.tally.paused}, {r.halted, &j.tally.halted}, {len(r.busy) > 0, &j.tally.busy}} {
		if c.has {
			*c.count++
		}
	}
	if len(r.holders) == 1 && !r.linked {
		j.tally.unmirrored++
		j.add(Finding{
			Subsystem: replicas, Level: Notice, Subject: r.name,
			Summary: "it has the one member " + r.holders[0] + ", so nothing of it is held elsewhere",
			Next:    "replication.groups.members",
		})
	}
}

// judgeMember looks at how fresh a member's word is.
func (j *judging) judgeMember(m *MemberFacts) {
	if m.Self {
		return
	}
	f := Finding{Subsystem: replicas, Level: Degraded, Subject: m.Host, Event: string(event.PartnerDisconnected), Next: "dfsd doctor"}
	switch age := m.HeardSeconds + j.since; {
	case m.HeardSeconds < 0:
		f.Summary = "this member was never heard"
		f.Next = reachMembers
	case !(age <= memberSilent):
		f.Summary = "this member has been silent for " + quantity.Span(age)
		f.Since = j.ago(m.HeardSeconds)
	default:
		return
	}
	if m.Error != "" {
		f.Summary += ": " + m.Error
	}
	j.tally.silent++
	j.add(f)
}

// judgeReplica looks at one folder on one member.
func (j *judging) judgeReplica(m *MemberFacts, f *status.Folder, r *replicated) {
	name := folderName(*f)
	base := Finding{Subsystem: replicas, Level: Notice, Subject: name + " on " + m.Host}
	stale := j.staleness(m)
	tell := func(level Level, summary, next, id string) {
		t := base
		t.Level, t.Summary, t.Next, t.Event = level, summary+stale, onHost(m, next), id
		j.add(t)
	}
	ask := "dfsd replication status " + argument(name)
	switch {
	case f.State == status.Failed || f.Error != "":
		r.halted = true
		tell(Failed, "halted"+reasonOf(f.Error), cmp.Or(quotedCommand(f.Error), ask), string(event.FolderHalted))
	case f.State == status.Recovering:
		r.busy = append(r.busy, strings.ToLower(m.Host))
		tell(Notice, "the index is being rebuilt: "+progress(f.Progress), ask+" --watch 2s", string(event.IndexBegun))
	case f.State == status.InitialSync:
		r.busy = append(r.busy, strings.ToLower(m.Host))
		tell(Notice, "initial sync: "+progress(f.Progress), ask+" --watch 2s", "")
	case f.State == status.Paused:
		r.paused = true
		tell(Notice, "paused by an administrator", "dfsd replication resume "+argument(name), string(event.PausingSet))
	case f.State != status.Normal:
		tell(Degraded, "in the state "+string(f.State)+", which is not known here", ask, "")
	}
	if f.UnreadFiles > 0 {
		j.tally.unread += int(min(f.UnreadFiles, 1<<30))
		tell(Notice, unread(f), ask, "")
	}
	if p := f.Preserved; p.Quota > 0 && float64(p.Bytes) > preservedFull*float64(p.Quota) {
		j.tally.preservedFull++
		tell(Notice, "the preserved store holds "+quantity.Bytes(p.Bytes)+" of "+quantity.Bytes(p.Quota)+"; the oldest files in it go first", "replication.groups.folders.preserved_quota", "")
	}
}

// staleness is what a finding out of an old word says of its age.
func (j *judging) staleness(m *MemberFacts) string {
	if age := m.HeardSeconds + j.since; !m.Self && age > memberSilent {
		return " (as of " + quantity.Span(age) + " ago)"
	}
	return ""
}

// onHost says where a command is to be run, when that is not here.
func onHost(m *MemberFacts, next string) string {
	if m.Self || !strings.HasPrefix(next, "dfsd ") {
		return next
	}
	return "on " + m.Host + ": " + next
}

func reasonOf(err string) string {
	if err == "" {
		return ""
	}
	return ": " + err
}

// quotedCommand is the command that an error names between backquotes, "" if
// there is none.
func quotedCommand(text string) string {
	_, text, _ = strings.Cut(text, "`dfsd ")
	command, _, found := strings.Cut(text, "`")
	if !found {
		return ""
	}
	return "dfsd " + command
}

func unread(f *status.Folder) string {
	text := counted(f.UnreadFiles, "file") + " could not be read, so what is new there does not travel"
	if len(f.Unread) == 0 {
		return text
	}
	first := f.Unread[0]
	return text + "; longest, for " + quantity.Span(first.Seconds) + ": " + first.Path + reasonOf(first.Error)
}

// judgeLink looks at one connection of one folder.
func (j *judging) judgeLink(l *link, r *replicated) {
	f := Finding{Subsystem: replicas, Subject: l.folder + " from " + l.From + " to " + l.To}
	pausedHere := false
	if r != nil {
		r.linked, pausedHere = true, r.paused
	}
	switch l.State {
	case status.Connected, status.ClosedBySchedule:
	case status.ConnectionPaused:
		if !pausedHere {
			j.tell(f, Notice, "the connection is paused", j.places.run(l.folder, "dfsd replication resume "+argument(l.folder)), string(event.PausingSet))
		}
	default:
		j.tally.gaps++
		j.tell(f, Degraded, "not connected ("+string(l.State)+")"+l.asOf()+reasonOf(l.LastError), "dfsd doctor", string(event.PartnerDisconnected))
	}
	if l.BacklogFiles <= 0 || !(l.OldestSeconds > backlogOld) {
		return
	}
	level, why := j.backlogLevel(l, r, pausedHere)
	if r != nil {
		r.behind = true
	}
	j.tally.oldest = max(j.tally.oldest, l.OldestSeconds)
	f.Since = j.ago(l.OldestSeconds)
	summary := counted(l.BacklogFiles, "file") + " (" + quantity.Bytes(l.BacklogBytes) + ") behind, the oldest change by " + quantity.Span(l.OldestSeconds) + l.asOf()
	j.tell(f, level, summary+why, j.places.backlog(l.folder), "")
}

func (j *judging) tell(f Finding, level Level, summary, next, id string) {
	f.Level, f.Summary, f.Next, f.Event = level, summary, next, id
	j.add(f)
}

// backlogLevel tells an old backlog that somebody wanted from one that nobody
// did.
func (j *judging) backlogLevel(l *link, r *replicated, paused bool) (Level, string) {
	switch {
	case l.State == status.ConnectionPaused || paused:
		return Notice, ", as it is paused"
	case l.State == status.ClosedBySchedule:
		return Notice, ", as the schedule is closed"
	case r != nil && slices.Contains(r.busy, strings.ToLower(l.To)):
		return Notice, ", as the initial sync or the rebuilding goes on"
	}
	return Degraded, ""
}
