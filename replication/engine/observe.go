package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/index"
	"dfsd/replication/install"
	"dfsd/replication/reconcile"
	"dfsd/replication/survey"
)

// maxFindings is how many findings of one survey wait for its end. Beyond
// that they are taken as they come, and what was replaced by a new file
// counts as deleted and made anew.
const maxFindings = 8192

// sighting is what an Observed was made from.
type sighting struct {
	id       replication.FileID // that it was taken for
	replaces replication.FileID // whose next version it may be
	facts    index.Facts
	path     string
	dir      bool
}

// requests are areas that the loop wants surveyed, and the events that follow.
type requests struct {
	wake chan struct{}

	mu     sync.Mutex
	areas  []survey.Area
	events []reconcile.Event
}

func (q *requests) add(areas []survey.Area, events []reconcile.Event) {
	if len(areas) == 0 && len(events) == 0 {
		return
	}
	q.mu.Lock()
	q.areas, q.events = append(q.areas, areas...), append(q.events, events...)
	q.mu.Unlock()
	poke(q.wake)
}

func (q *requests) take() (areas []survey.Area, events []reconcile.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	areas, events, q.areas, q.events = q.areas, q.events, nil, nil
	return areas, events
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// listen surveys what the journal hears of.
func (r *replica) listen(ctx context.Context) error {
	for {
		hints, err := r.journal.Next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("hear of changes: %w", err)
		}
		areas := make([]survey.Area, 0, len(hints))
		for _, h := range hints {
			areas = append(areas, survey.Area{Dir: h.Dir, Name: h.Name, Deep: h.Deep})
		}
		if err := r.survey(ctx, areas, nil, false); err != nil {
			return err
		}
	}
}

// recheck surveys what the loop asks for.
func (r *replica) recheck(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.requests.wake:
		}
		areas, events := r.requests.take()
		if err := r.survey(ctx, areas, events, false); err != nil {
			return err
		}
	}
}

// keptLists is how many bytes of chunk lists stay of contents that no file has
// any more: a partner may have them still, and want to know what has changed.
const keptLists = 64 << 20

// scanAll surveys the whole folder at the start and whenever it is asked to.
func (r *replica) scanAll(ctx context.Context) error {
	began := time.Now()
	if err := r.keeping.keepAll(began); err != nil {
		r.log.Debug("the folder is not on stable storage as a whole", zap.Error(err))
	}
	if err := r.survey(ctx, everything(), []reconcile.Event{reconcile.Scanned{}}, true); err != nil || ctx.Err() != nil {
		return err
	}
	r.log.Info("the folder was scanned", zap.Duration("took", time.Since(began)), zap.Int64("files", r.scan.files.Load()))
	if err := r.idx.TrimLists(index.Coarse, keptLists); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.rescan:
		}
		if err := r.survey(ctx, everything(), nil, true); err != nil {
			return err
		}
	}
}

// everything is the folder with its holding directory, where a user's open
// handle still leads.
func everything() []survey.Area {
	return []survey.Area{{Dir: ".", Deep: true}, {Dir: install.Hold, Deep: true}}
}

// survey compares areas with the index, and gives the loop what it finds and
// then events. It returns when the loop has taken them.
func (r *replica) survey(ctx context.Context, areas []survey.Area, events []reconcile.Event, whole bool) error {
	s := r.newFindings(ctx, areas)
	s.streaming, s.whole = r.meta.Load().Phase == reconcile.Scanning, whole
	r.surveys.Add(1)
	defer r.surveys.Add(-1)
	o := r.surveyOptions()
	if whole {
		r.scan.begin()
		defer r.scan.end()
		o.Progress = r.scan.note
	}
	if len(areas) > 0 {
		result, err := survey.Run(ctx, o, areas, s)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("compare the folder with the index: %w", err)
		}
		if whole {
			r.scan.note(result.Files, result.Bytes)
		}
	}
	done := make(chan struct{})
	s.events, s.done, s.last = events, done, true
	if err := s.flush(); err != nil {
		return nil //nolint:nilerr // ctx has ended
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
	return nil
}

// findings is the sink of one survey.
type findings struct {
	r         *replica
	ctx       context.Context
	streaming bool
	areas     []survey.Area
	whole     bool
	first     bool  // nothing may be planned before they are taken in
	batches   int64 // that had been installed when the survey began
	last      bool
	found     []survey.Found
	refused   []refusal
	missing   []survey.Missing
	later     []survey.Later
	unread    map[string]error // paths of all that were Later; the loop's
	put       put              // off, of what was found; the loop's
	events    []reconcile.Event
	done      chan struct{}
}

func (r *replica) newFindings(ctx context.Context, areas []survey.Area) *findings {
	return &findings{
		r: r, ctx: ctx, areas: areas, batches: r.batches.Load(),
		unread: map[string]error{}, put: put{map[replication.FileID]bool{}, map[spot]bool{}},
	}
}

// Found implements survey.Sink.
func (s *findings) Found(f survey.Found) error {
	if s.first && len(s.found) >= maxFindings { // nobody takes any yet; the scan that follows finds the rest
		return nil
	}
	s.found = append(s.found, f)
	if s.first {
		return nil
	}
	if s.streaming && len(s.found) >= maxEvents/4 || len(s.found) >= maxFindings {
		s.streaming = true
		return s.flush()
	}
	return nil
}

// Missing implements survey.Sink. What is missing waits for the end: it may
// have moved.
func (s *findings) Missing(m survey.Missing) error {
	s.missing = append(s.missing, m)
	return nil
}

// Later implements survey.Sink.
func (s *findings) Later(l survey.Later) error {
	s.later = append(s.later, l)
	return nil
}

// flush gives the loop what has been found so far.
func (s *findings) flush() error {
	s.keepFound()
	part := *s
	s.found, s.later, s.refused = nil, nil, nil
	if !part.last {
		part.missing = nil
	}
	return s.r.post(s.ctx, func() error { return s.r.surveyed(&part) })
}

// surveyed takes in findings: what is new and changed first, then what is gone,
// then the events that waited for both. All of it is one step: between a move
// and the end of what stood there before, two objects would have one place, and
// partners would settle that.
func (r *replica) surveyed(s *findings) error {
	if !s.first {
		if err := r.step(); err != nil { // so that the store holds all that came before
			return err
		}
	}
	for i := range s.later {
		l := &s.later[i]
		r.unread[survey.Area{Dir: l.Dir, Name: l.Name, Deep: true}] = true
		s.unread[fsx.Join(l.Dir, l.Name)] = l.Err
	}
	for i := range s.refused {
		f := &s.refused[i]
		r.putOff(s, &f.Found)
		s.unread[fsx.Join(f.Dir, f.Name)] = f.err
	}
	replaced := replacements(s)
	for i := range s.found {
		if len(r.running) > 0 || s.batches != r.batches.Load() {
			if !r.stillSo(&s.found[i]) {
				r.putOff(s, &s.found[i])
				continue
			}
		}
		taken, err := r.sight(s, &s.found[i], replaced)
		if err != nil {
			return err
		}
		if !taken {
			r.putOff(s, &s.found[i])
		}
	}
	if s.last {
		if err := r.missed(s); err != nil {
			return err
		}
		r.overtaken(s)
		r.unreads.note(s.areas, s.unread, time.Now())
	}
	r.events = append(r.events, s.events...)
	if s.done != nil {
		r.after = append(r.after, func() { close(s.done) })
	}
	return nil
}

// overtaken has the paths looked at again that installs have touched since a
// survey began: what a user did to them in between, the survey compared with
// what was to be.
func (r *replica) overtaken(s *findings) {
	var again []survey.Area
	for path, batch := range r.recent {
		if batch > s.batches && covered(s.areas, path) {
			dir, name := fsx.Split(path)
			again = append(again, survey.Area{Dir: dir, Name: name})
		}
	}
	for path := range r.touched {
		if covered(s.areas, path) {
			dir, name := fsx.Split(path)
			r.again = append(r.again, survey.Area{Dir: dir, Name: name})
		}
	}
	r.requests.add(again, nil)
	if r.surveys.Load() == 1 { // this one
		clear(r.recent)
	}
}

func covered(areas []survey.Area, path string) bool {
	dir, name := fsx.Split(path)
	for _, a := range areas {
		switch {
		case a.Dir == dir && (a.Name == "" || a.Name == name):
			return true
		case a.Deep && a.Name == "" && (a.Dir == "." || strings.HasPrefix(path, a.Dir+"/")):
			return true
		case a.Deep && a.Name != "" && strings.HasPrefix(path, fsx.Join(a.Dir, a.Name)+"/"):
			return true
		}
	}
	return false
}

// put is what of a survey was put off, to be surveyed again.
type put struct {
	objects map[replication.FileID]bool
	spots   map[spot]bool
}

func (p *put) note(f *survey.Found) {
	if f.ID != replication.RootID {
		p.objects[f.ID] = true
	}
	p.spots[spot{f.Dir, f.Name}] = true
}

// putOff has what was found surveyed again, after the batch that is being
// installed. What was missed because of it, where it stands now and where it
// stood before, must wait for it: missing alone, it would count as deleted.
func (r *replica) putOff(s *findings, f *survey.Found) {
	r.log.Debug("put off", zap.String("path", fsx.Join(f.Dir, f.Name)), zap.Stringer("id", f.ID))
	s.put.note(f)
	r.lookLater(survey.Area{Dir: f.Dir, Name: f.Name, Deep: f.Kind == replication.Directory})
}

// lookLater has an area surveyed once the running batch is through.
func (r *replica) lookLater(a survey.Area) {
	if len(r.running) == 0 {
		r.requests.add([]survey.Area{a}, nil)
		return
	}
	r.again = append(r.again, a)
}

// stillSo tells whether the disk still shows what was found: since then,
// installs have changed the folder, and what they replaced must not pass for
// something new.
func (r *replica) stillSo(f *survey.Found) bool {
	info, err := r.root.Stat(fsx.Join(f.Dir, f.Name))
	return err == nil && sameInode(factsOf(replication.RootID, info), factsOf(replication.RootID, f.Info)) &&
		(f.Kind == replication.Directory || info.CTime == f.Info.CTime && info.Size == f.Info.Size)
}

type spot struct{ dir, name string }

// replacements returns the objects whose place a new inode has taken and that
// were found nowhere else: programs save by renaming a new file over the old.
func replacements(s *findings) map[spot]replication.FileID {
	elsewhere := map[replication.FileID]bool{}
	for i := range s.found {
		elsewhere[s.found[i].ID] = true
	}
	out := map[spot]replication.FileID{}
	for _, m := range s.missing {
		if m.Replaced && !elsewhere[m.ID] {
			out[spot{m.Dir, m.Name}] = m.ID
		}
	}
	return out
}

// sight makes an Observed of what was found, unless it is known by now. It is
// not taken while a batch is installed that it may come from.
func (r *replica) sight(s *findings, f *survey.Found, replaced map[spot]replication.FileID) (taken bool, err error) {
	path := fsx.Join(f.Dir, f.Name)
	if r.underWay(f.ID, path) || f.ID == replication.RootID && len(r.running) > 0 { // it may be what is being installed, moved by a user
		return false, nil
	}
	parent, ok, err := r.dirID(f.Dir)
	if err != nil {
		return false, err
	}
	if !ok {
		if strings.HasPrefix(f.Dir, install.Hold+"/") { // in a directory without a record, sightHeld has told
			return true, nil
		}
		s.put.note(f)
		r.unread[survey.Area{Dir: f.Dir, Deep: true}] = true // not at once: what is above may have to come first
		return true, nil
	}
	at := reconcile.Place{Parent: parent, Name: f.Name}
	id, known, err := r.knows(f, at)
	if err != nil || known || parent == reconcile.HoldID && id == replication.RootID {
		return err == nil, err
	}
	ev := reconcile.Observed{Object: reconcile.Object{
		ID: id, At: at, Kind: f.Kind, Size: f.Size, Hash: f.Hash, Target: f.Target, Attr: f.Attr,
	}}
	if f.Kind == replication.Directory {
		ev.Object.Attr.MTime = 0 // each member's own: it changes with every name in it
	}
	if id == replication.RootID {
		ev.Fresh = r.fresh.draw()
		if ev.Replaced, err = r.replaces(f, replaced); err != nil {
			return false, err
		}
		id = ev.Fresh
	}
	seen := sighting{id: id, replaces: ev.Replaced, facts: factsOf(id, f.Info), path: path, dir: f.Kind == replication.Directory}
	r.store.PutFacts(seen.facts)
	if seen.dir {
		r.dirs[path] = id
		if ev.Fresh == replication.RootID {
			r.moved()
		}
	}
	if f.List != nil {
		r.store.PutList(listOf(f.List))
	}
	r.log.Debug("seen on disk", zap.String("path", path), zap.Stringer("id", id), zap.Stringer("replaces", ev.Replaced), zap.Stringer("kind", f.Kind))
	r.events, r.sightings = append(r.events, ev), append(r.sightings, seen)
	return true, nil
}

// replaces returns the object whose next version a new file is: the one of its
// kind that stood in its place. What stood in a replaced directory has gone with
// it, so a directory never is one.
func (r *replica) replaces(f *survey.Found, replaced map[spot]replication.FileID) (replication.FileID, error) {
	id := replaced[spot{f.Dir, f.Name}]
	if id == replication.RootID || f.Kind == replication.Directory {
		return replication.RootID, nil
	}
	e, ok, err := r.store.Entry(id)
	if err != nil || !ok || !e.Live() || e.Disk.Kind != f.Kind {
		return replication.RootID, err
	}
	return id, nil
}

// knows tells which object stands at a place by its inode, RootID for a new
// one; known, when it is just as it was recorded.
func (r *replica) knows(f *survey.Found, at reconcile.Place) (id replication.FileID, known bool, err error) {
	standing, err := r.store.At(at)
	if err != nil {
		return id, false, err
	}
	now := factsOf(replication.RootID, f.Info)
	for i := range standing {
		facts, ok, err := r.store.Facts(standing[i].ID)
		if err != nil {
			return id, false, err
		}
		if !ok || !sameInode(facts, now) {
			continue
		}
		now.ID = facts.ID
		return facts.ID, standing[i].Doing == nil && f.Kind != replication.Directory && facts == now, nil
	}
	if f.ID == replication.RootID && f.Kind == replication.File && f.Info.Links > 1 {
		return f.ID, false, nil // another name of a file; names are kept apart
	}
	if f.ID == replication.RootID {
		bound, err := r.store.Bound(now.Dev, now.Inode)
		if err != nil {
			return f.ID, false, err
		}
		for i := range bound {
			if sameInode(bound[i], now) {
				f.ID = bound[i].ID // installed after the survey had looked it up, and moved since
			}
		}
	}
	if f.ID == replication.RootID {
		return f.ID, false, nil
	}
	facts, ok, err := r.store.Facts(f.ID)
	if err != nil || !ok || !sameInode(facts, now) {
		return replication.RootID, false, err
	}
	e, ok, err := r.store.Entry(f.ID)
	if err != nil || !ok || !e.Live() {
		return replication.RootID, false, err
	}
	return f.ID, false, nil
}

func sameInode(a, b index.Facts) bool {
	return a.Dev == b.Dev && a.Inode == b.Inode && a.Birth == b.Birth
}

func factsOf(id replication.FileID, i fsx.Info) index.Facts {
	return index.Facts{ID: id, Dev: i.Dev, Inode: i.Inode, Birth: i.BTime, Changed: i.CTime, Modified: i.MTime, Size: i.Size}
}

// identified corrects what was assumed of a sighting. True if anything was.
func (r *replica) identified(s sighting, id replication.FileID) bool {
	if id == s.id {
		return false
	}
	r.store.DropFacts(s.id)
	s.facts.ID = id
	r.store.PutFacts(s.facts)
	if s.dir {
		r.dirs[s.path] = id
	}
	if s.replaces != replication.RootID && s.replaces != id { // it is gone after all
		dir, name := fsx.Split(s.path)
		r.requests.add([]survey.Area{{Dir: dir, Name: name}}, nil)
	}
	return true
}

// dirID returns the object that the directory at path is.
func (r *replica) dirID(path string) (replication.FileID, bool, error) {
	switch path {
	case ".":
		return replication.RootID, true, nil
	case install.Hold:
		return reconcile.HoldID, true, nil
	}
	if id, ok := r.dirs[path]; ok {
		return id, true, nil
	}
	above, name := fsx.Split(path)
	parent, ok, err := r.dirID(above)
	if err != nil || !ok {
		return parent, false, err
	}
	standing, err := r.store.At(reconcile.Place{Parent: parent, Name: name})
	if err != nil {
		return parent, false, err
	}
	standing = slices.DeleteFunc(standing, func(e reconcile.Entry) bool { return e.Disk.Kind != replication.Directory })
	id, ok, err := r.which(path, standing)
	if err != nil || !ok {
		return id, false, err
	}
	if len(r.dirs) >= maxPaths {
		clear(r.dirs)
	}
	r.dirs[path] = id
	return id, true, nil
}

// which returns the one of the directories standing at path that is on disk:
// while one that a user took away has not been missed yet, there are two.
func (r *replica) which(path string, standing []reconcile.Entry) (id replication.FileID, ok bool, err error) {
	if len(standing) == 1 {
		return standing[0].ID, true, nil
	}
	if len(standing) == 0 {
		return id, false, nil
	}
	info, err := r.root.Stat(path)
	if err != nil {
		return id, false, nil //nolint:nilerr // it has gone, or will be looked at again
	}
	now := factsOf(replication.RootID, info)
	for i := range standing {
		facts, ok, err := r.store.Facts(standing[i].ID)
		if err != nil {
			return id, false, err
		}
		if ok && sameInode(facts, now) {
			return standing[i].ID, true, nil
		}
	}
	return id, false, nil
}

// moved forgets all paths: a directory is elsewhere, or gone.
func (r *replica) moved() {
	clear(r.dirs)
	r.tree.forget()
	r.after = append(r.after, r.atlas.forget)
}
