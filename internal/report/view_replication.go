package report

import (
	"cmp"
	"slices"
	"strings"

	"dfsd/internal/quantity"
	"dfsd/replication/status"
)

type (
	memberView struct {
		Host, Heard, Via, Software, Folders, Error string
		State                                      stateView
	}
	linkView struct {
		Folder, From, To, Files, Bytes, Oldest, Sent, Received, Error, AsOf string
		State                                                               stateView
	}
	replicaView struct {
		Folder, Member, Path, Files, Bytes, Watch, Work, AsOf string
		State                                                 stateView
	}
	backlogView   struct{ Folder, Directions, Files, Bytes, Oldest, Where, Next string }
	preservedView struct{ Folder, Member, Files, Bytes, Quota, Used string }
	unreadView    struct{ Path, Folder, Member, For, Error string }
	matrixView    struct {
		Hosts []string
		Rows  []matrixRow
	}
	matrixRow struct {
		From  string
		Cells []matrixCell
	}
	// matrixCell is one direction; without a Class there is no connection.
	matrixCell struct {
		stateView
		Text string
	}
)

// memberLevel is how bad it is with the word of a member.
func (v *viewer) memberLevel(m *MemberFacts) Level {
	if m.Self || (m.HeardSeconds >= 0 && m.HeardSeconds+v.since <= memberSilent) {
		return OK
	}
	return Degraded
}

// heard is how old the word of a member is.
func (v *viewer) heard(m *MemberFacts) string {
	switch {
	case m.Self:
		return quantity.Span(v.since)
	case m.HeardSeconds < 0:
		return "never"
	}
	return quantity.Span(m.HeardSeconds + v.since)
}

func (v *viewer) heardAgo(m *MemberFacts) string {
	if !m.Self && m.HeardSeconds < 0 {
		return "never"
	}
	return v.heard(m) + " ago"
}

func (v *viewer) members(p *page) {
	for i := range v.f.Members {
		m := &v.f.Members[i]
		view := memberView{
			Host: visible(m.Host), Heard: v.heardAgo(m), Via: orDash(m.Via), Software: orDash(m.Software),
			Folders: quantity.Count(len(m.Folders)), Error: sentence(m.Error), State: levelView(OK, "heard"),
		}
		switch {
		case m.Self:
			view.State.Word = "this host"
		case m.HeardSeconds < 0:
			view.State = levelView(Degraded, "never heard")
		case v.memberLevel(m) != OK:
			view.State = levelView(Degraded, "silent")
		}
		p.Members = append(p.Members, view)
	}
}

// linkLevel is how bad a connection is by itself.
func linkLevel(l *link) Level {
	level := OK
	switch l.State {
	case status.Connected:
	case status.ClosedBySchedule, status.ConnectionPaused:
		return Notice
	default:
		return Degraded
	}
	if l.BacklogFiles > 0 && l.OldestSeconds > backlogOld {
		level = Degraded
	}
	return level
}

// connections shows the connections, as a matrix while that can be read, and
// always one by one.
func (v *viewer) connections(p *page) {
	for i := range v.links {
		l := &v.links[i]
		level := linkLevel(l)
		view := linkView{
			Folder: visible(l.folder), From: visible(l.From), To: visible(l.To), State: levelView(level, string(l.State)),
			Files: counted(max(0, l.BacklogFiles), "file"), Bytes: quantity.Bytes(l.BacklogBytes), Oldest: oldest(l.BacklogFiles, l.OldestSeconds),
			Sent: quantity.Bytes(clampBytes(l.SentBytes)), Received: quantity.Bytes(clampBytes(l.ReceivedBytes)), Error: sentence(l.LastError), AsOf: quantity.Span(l.age) + " ago",
		}
		if level == OK && l.fresh && l.BacklogFiles <= 0 && l.LastError == "" {
			p.FineLinks.Rows = append(p.FineLinks.Rows, view)
		} else {
			p.Links.Rows = append(p.Links.Rows, view)
		}
	}
	p.Links.Title = counted(len(p.Links.Rows), "connection") + " with a backlog, an error or an old word"
	p.FineLinks.Title = counted(len(p.FineLinks.Rows), "connection") + " in which nothing is owed"
	p.Matrix = v.matrix()
}

// clampBytes keeps a count of bytes in the range that sizes are told in.
func clampBytes(n uint64) int64 { return int64(min(n, 1<<62)) }

func oldest(files int64, seconds float64) string {
	if files <= 0 {
		return "-"
	}
	return quantity.Span(seconds)
}

// matrix sums the connections of all folders up by direction; nil where there
// are none, or too many members for a table that can be read.
func (v *viewer) matrix() *matrixView {
	hosts := v.hosts()
	if len(v.links) == 0 || len(hosts) > matrixHosts {
		return nil
	}
	type direction struct{ from, to string }
	sums := map[direction]*link{}
	for i := range v.links {
		l := v.links[i]
		at := direction{strings.ToLower(l.From), strings.ToLower(l.To)}
		if sum := sums[at]; sum != nil {
			sum.addUp(&l)
		} else {
			sums[at] = &l
		}
	}
	m := &matrixView{}
	for _, from := range hosts {
		m.Hosts = append(m.Hosts, visible(from))
		row := matrixRow{From: visible(from)}
		for _, to := range hosts {
			sum := sums[direction{strings.ToLower(from), strings.ToLower(to)}]
			row.Cells = append(row.Cells, matrixOf(sum, sameName(from, to)))
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

// addUp adds one folder's connection to those of others in its direction: what
// is owed adds up, and the state that is worse counts.
func (l *link) addUp(o *link) {
	if linkLevel(o).rank() > linkLevel(l).rank() {
		l.State = o.State
	}
	l.BacklogFiles = plus(l.BacklogFiles, o.BacklogFiles)
	l.BacklogBytes = plus(l.BacklogBytes, o.BacklogBytes)
	l.OldestSeconds = max(l.OldestSeconds, o.OldestSeconds)
}

func matrixOf(l *link, same bool) matrixCell {
	switch {
	case same:
		return matrixCell{Text: "itself"}
	case l == nil:
		return matrixCell{Text: "no connection"}
	}
	cell := matrixCell{stateView: levelView(linkLevel(l), string(l.State)), Text: "nothing owed"}
	if l.BacklogFiles > 0 {
		cell.Text = counted(l.BacklogFiles, "file") + ", " + quantity.Bytes(l.BacklogBytes) + ", oldest " + quantity.Span(l.OldestSeconds)
	}
	return cell
}

// hosts are the members and the ends of connections, each once, in order.
func (v *viewer) hosts() []string {
	var hosts []string
	known := map[string]bool{}
	add := func(host string) {
		if key := strings.ToLower(host); !known[key] {
			known[key] = true
			hosts = append(hosts, host)
		}
	}
	for i := range v.f.Members {
		add(v.f.Members[i].Host)
	}
	for i := range v.links {
		add(v.links[i].From)
		add(v.links[i].To)
	}
	slices.Sort(hosts)
	return hosts
}

// replicas shows each folder on each member.
func (v *viewer) replicas(p *page) {
	for i := range v.f.Members {
		m := &v.f.Members[i]
		for k := range m.Folders {
			f := &m.Folders[k]
			view := replicaView{
				Folder: visible(folderName(*f)), Member: visible(m.Host), Path: orDash(f.Path), Files: quantity.Count(f.Files), Bytes: quantity.Bytes(f.Bytes),
				Watch: orDash(f.Watch), State: levelView(replicaLevel(f), string(f.State)), AsOf: v.heardAgo(m),
			}
			if f.Progress != nil {
				view.Work = sentence(progress(f.Progress))
			}
			if f.Error != "" {
				view.Work = sentence(f.Error)
			}
			if replicaLevel(f) == OK && view.Work == "" {
				p.FineReplicas.Rows = append(p.FineReplicas.Rows, view)
			} else {
				p.Replicas.Rows = append(p.Replicas.Rows, view)
			}
		}
	}
	p.Replicas.Title = counted(len(p.Replicas.Rows), "replicated folder") + " at work, paused or halted, by member"
	p.FineReplicas.Title = counted(len(p.FineReplicas.Rows), "replicated folder") + " in the normal state, by member"
}

func replicaLevel(f *status.Folder) Level {
	if f.State == status.Failed || f.Error != "" {
		return Failed
	}
	switch f.State {
	case status.Normal:
		return OK
	case status.InitialSync, status.Recovering, status.Paused:
		return Notice
	}
	return Degraded
}

// backlog sums up what is owed by folder, the oldest first.
func (v *viewer) backlog(p *page) {
	type owed struct {
		link
		directions int
	}
	byFolder := map[string]*owed{}
	var order []*owed
	for i := range v.links {
		l := v.links[i]
		if l.BacklogFiles <= 0 {
			continue
		}
		o := byFolder[strings.ToLower(l.folder)]
		if o == nil {
			o = &owed{link: l, directions: 1}
			byFolder[strings.ToLower(l.folder)], order = o, append(order, o)
			continue
		}
		o.directions++
		if l.OldestSeconds > o.OldestSeconds {
			o.From, o.To = l.From, l.To
		}
		o.addUp(&l)
	}
	slices.SortStableFunc(order, func(a, b *owed) int { return cmp.Compare(b.OldestSeconds, a.OldestSeconds) })
	for _, o := range order {
		p.Backlog = append(p.Backlog, backlogView{
			Folder: visible(o.folder), Directions: quantity.Count(o.directions), Files: quantity.Count(o.BacklogFiles), Bytes: quantity.Bytes(o.BacklogBytes),
			Oldest: quantity.Span(o.OldestSeconds), Where: visible(o.From + " to " + o.To), Next: visible(v.places.backlog(o.folder)),
		})
	}
}

// preserved shows the preserved stores that hold something, and unread files.
func (v *viewer) preserved(p *page) {
	for i := range v.f.Members {
		m := &v.f.Members[i]
		for k := range m.Folders {
			f := &m.Folders[k]
			for _, u := range f.Unread {
				p.Unread = append(p.Unread, unreadView{
					Path: visible(u.Path), Folder: visible(folderName(*f)), Member: visible(m.Host), For: quantity.Span(u.Seconds), Error: sentence(u.Error),
				})
			}
			if f.Preserved.Files == 0 && f.Preserved.Bytes == 0 {
				continue
			}
			view := preservedView{
				Folder: visible(folderName(*f)), Member: visible(m.Host), Files: quantity.Count(f.Preserved.Files),
				Bytes: quantity.Bytes(f.Preserved.Bytes), Quota: "none", Used: "-",
			}
			if q := f.Preserved.Quota; q > 0 {
				view.Quota, view.Used = quantity.Bytes(q), percent(uint64(max(0, f.Preserved.Bytes)), uint64(q))
			}
			p.Preserved = append(p.Preserved, view)
		}
	}
}
