package summary

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"dfsd/replication/status"
)

// record is what a host said of itself. It is immutable; a book replaces it.
type record struct {
	host, software, via string
	stand
	tick    uint64
	heardAt time.Time
	// floor is the least seq from which changes are known: a base below it
	// calls for everything, because what was removed is not kept.
	floor    uint64
	notes    []byte
	notesSeq uint64
	folders  []*folder // sorted
	shown    []status.Folder
	ages     bool // shown changes with heardAt
}

// book holds the records of all hosts. It knows no clock and sends nothing;
// whoever uses it takes care of concurrent use.
type book struct {
	self    string
	records map[string]*record
	cut     bool // what was published last was too large
	// raised is when boot was raised last.
	raised time.Time
}

// newBoot makes the boot of a process that starts now.
func newBoot(now time.Time, random uint64) uint64 {
	return uint64(max(1, min(now.UnixMilli(), maxBoot>>17)))<<16 | random&0xffff
}

func newBook(self, software string, boot uint64) *book {
	return &book{self: self, records: map[string]*record{
		self: {host: self, software: software, stand: stand{boot: boot}},
	}}
}

// own is the record of this host; its seq is 0 before it said anything.
func (b *book) own() *record { return b.records[b.self] }

// publish takes what this host says of itself and returns whether anything
// changed. It keeps what it is given.
func (b *book) publish(folders []*folder, notes []byte, now time.Time) bool {
	old := b.own()
	r := *old
	r.tick++
	r.heardAt = now
	seq := old.seq + 1
	kept, changed := 0, old.seq == 0
	for i, f := range folders {
		before := find(old.folders, f)
		if before == nil {
			f.seq, changed = seq, true
			continue
		}
		kept++
		if before.same(f) {
			folders[i] = before
			continue
		}
		f.seq, changed = seq, true
	}
	if kept < len(old.folders) {
		r.floor, changed = seq, true
	}
	if !bytes.Equal(old.notes, notes) {
		r.notes, r.notesSeq, changed = bytes.Clone(notes), seq, true
	}
	if changed {
		r.seq, r.folders, r.shown = seq, folders, nil
	}
	r.forgetAges()
	b.records[b.self] = &r
	return changed
}

// forgetAges drops a view of another time.
func (r *record) forgetAges() {
	if r.ages {
		r.shown, r.ages = nil, false
	}
}

// find returns the folder of all that f is.
func find(all []*folder, f *folder) *folder {
	i, ok := slices.BinarySearchFunc(all, f, (*folder).compare)
	if !ok {
		return nil
	}
	return all[i]
}

// hear takes a beat's word that a host is there still. It returns whether the
// word was new. A host is believed on itself whatever tick others gave it.
func (b *book) hear(s standing, via string, now time.Time) bool {
	old := b.records[s.host]
	if old == nil || s.host == b.self || old.stand != s.stand || s.tick <= old.tick && (s.host != via || s.tick == old.tick) || s.age >= Forget {
		return false
	}
	r := *old
	r.tick, r.heardAt, r.via = s.tick, now.Add(-s.age), via
	r.forgetAges()
	b.records[s.host] = &r
	return true
}

// apply takes a whole update of another host. changed tells whether it brought
// anything; an error is for one that no honest peer sends.
func (b *book) apply(u *update, via string, now time.Time) (changed bool, err error) {
	old := b.records[u.host]
	if u.host == b.self || u.age >= Forget || old != nil && !u.newer(old.stand) {
		return false, nil
	}
	r := &record{
		host: u.host, software: u.software, via: via, stand: u.stand, tick: u.tick, heardAt: now.Add(-u.age),
		notes: u.notes, notesSeq: u.seq,
	}
	for _, f := range u.folders {
		f.seq = u.seq
	}
	if u.base == 0 {
		r.folders, r.floor = u.folders, u.seq
	} else {
		if old == nil || old.boot != u.boot || old.seq < u.base {
			return false, nil // the sender learns from the next beat what is missing
		}
		r.folders, r.floor = merge(old.folders, u.folders), old.floor
		if !u.hasNotes {
			r.notes, r.notesSeq = old.notes, old.notesSeq
		}
	}
	if err := fits(r.folders); err != nil {
		return false, err
	}
	b.records[u.host] = r
	return true, nil
}

// merge returns the folders of old with those of changes in their places.
func merge(old, changes []*folder) []*folder {
	all := make([]*folder, 0, len(old)+len(changes))
	for len(old) > 0 && len(changes) > 0 {
		switch c := old[0].compare(changes[0]); {
		case c < 0:
			all, old = append(all, old[0]), old[1:]
		case c == 0:
			old = old[1:]
		default:
			all, changes = append(all, changes[0]), changes[1:]
		}
	}
	return append(append(all, old...), changes...)
}

// raise makes the own boot higher than one that others still hold of this
// host, if it is not, and returns whether it had to. It does so at most once a
// Silence, whatever others claim.
func (b *book) raise(heard stand, now time.Time) bool {
	own := b.own()
	if !heard.newer(own.stand) || heard.boot >= maxBoot || !b.raised.IsZero() && now.Sub(b.raised) < Silence {
		return false
	}
	r := *own
	r.boot = heard.boot + 1
	b.records[b.self] = &r
	b.raised = now
	return true
}

// prune forgets hosts that are not known and those that were not heard of for
// long, and returns whether there were any.
func (b *book) prune(known func(string) bool, now time.Time) bool {
	pruned := false
	for host, r := range b.records {
		if host != b.self && (!known(host) || now.Sub(r.heardAt) >= Forget) {
			delete(b.records, host)
			pruned = true
		}
	}
	return pruned
}

// changesSince returns the update that takes whoever has a host up to has to
// where r is, as of now.
func (r *record) changesSince(has stand, now time.Time) *update {
	u := &update{host: r.host, stand: r.stand, tick: r.tick, age: now.Sub(r.heardAt), software: r.software}
	if has.boot == r.boot && has.seq > 0 && has.seq >= r.floor {
		u.base = has.seq
	}
	if u.base == 0 || r.notesSeq > u.base {
		u.hasNotes, u.notes = true, r.notes
	}
	if u.base == 0 {
		u.folders = r.folders
		return u
	}
	for _, f := range r.folders {
		if f.seq > u.base {
			u.folders = append(u.folders, f)
		}
	}
	return u
}

// hosts returns what is known of all that said anything, and of this host.
func (b *book) hosts() []Host {
	all := make([]Host, 0, len(b.records))
	for _, r := range b.records {
		all = append(all, Host{
			Host: r.host, Software: r.software, Self: r.host == b.self, HeardAt: r.heardAt, Via: r.via,
			Folders: r.view(), Notes: r.notes,
		})
	}
	slices.SortFunc(all, func(a, c Host) int {
		if a.Self != c.Self {
			if a.Self {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Host, c.Host)
	})
	return all
}

// view returns the folders as of heardAt; it is made once.
func (r *record) view() []status.Folder {
	if r.shown == nil {
		r.shown = make([]status.Folder, len(r.folders))
		for i, f := range r.folders {
			var ages bool
			r.shown[i], ages = f.view(r.heardAt)
			r.ages = r.ages || ages
		}
	}
	return r.shown
}
