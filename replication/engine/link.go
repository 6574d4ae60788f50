package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"dfsd/replication/index"
	"dfsd/replication/peer"
	"dfsd/replication/reconcile"
	"dfsd/replication/transfer"
	"dfsd/replication/version"
	"dfsd/replication/wire"
)

const (
	// tellEvery is the least time between two messages about what is known.
	tellEvery = 10 * time.Millisecond
	// askEvery is how often a partner is asked even if it told nothing new.
	askEvery = time.Minute
	// askAfterFault is how long a partner is left alone that did not answer.
	askAfterFault = time.Second
)

// link is one folder with one partner, for as long as both have to do with each
// other.
type link struct {
	folder *folder
	way    way

	mu      sync.Mutex
	news    chan struct{} // this member knows more
	ask     chan struct{} // the partner may have something
	session *peer.Session // nil while there is none
	heard   time.Time     // when the partner told last, in this session or an earlier one
	told    wire.Knowledge
	fresh   bool // told is of this session
	err     error
	counted counted
	before  peer.Counters // of the sessions that have ended

	owedPace, lackedPace shrinking // of what the partner lacks, and this member
}

func newLink(f *folder, w way) *link {
	return &link{folder: f, way: w, news: make(chan struct{}, 1), ask: make(chan struct{}, 1)}
}

// signal has the partner told what this member knows by now, and asked for what
// it may be ready for only now.
func (l *link) signal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	poke(l.news)
	poke(l.ask)
}

func (l *link) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// end closes the session, if there is one.
func (l *link) end() {
	l.mu.Lock()
	s := l.session
	l.mu.Unlock()
	if s != nil {
		s.Close()
	}
}

func (l *link) connected() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session != nil && l.fresh
}

// holds tells whether the partner holds anything, as far as it has told.
func (l *link) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told.Held.Len() > 0
}

// knows tells whether the partner is past the first scan of its index.
func (l *link) knows() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told.Known.Len() > 0 || l.told.Held.Len() > 0
}

func (l *link) makes(o version.Origin) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told.Origin == o && o != version.Origin{}
}

// held returns what the partner holds, as it told last.
func (l *link) held() version.Vector {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told.Held
}

// source is the partner as one that can be asked for contents, nil if it
// cannot.
func (l *link) source() *transfer.Source {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session == nil || !l.fresh || !l.way.sends {
		return nil
	}
	held := l.told.Held
	return &transfer.Source{Host: l.way.partner.Host, Partner: l.session, Holds: held.Covers}
}

// run serves the link while a session lasts.
func (l *link) run(ctx context.Context, s *peer.Session) {
	l.mu.Lock()
	l.session, l.fresh, l.err = s, false, nil
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if c := s.Counters(); l.session == s {
			l.before.Sent += c.Sent
			l.before.Received += c.Received
			l.session, l.fresh = nil, false
		}
	}()
	// The link before may still be ending, and take a signal that is for this one.
	news, ask := make(chan struct{}, 1), make(chan struct{}, 1)
	l.mu.Lock()
	l.news, l.ask = news, ask
	l.mu.Unlock()
	poke(news)
	var wg sync.WaitGroup
	wg.Go(func() { l.tellNews(ctx, s, news) })
	if l.way.sends {
		wg.Go(func() { l.pull(ctx, s, ask) })
	}
	wg.Wait()
}

// tellNews tells the partner what this member knows whenever that has changed.
func (l *link) tellNews(ctx context.Context, s *peer.Session, news <-chan struct{}) {
	var last wire.Knowledge
	told := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-news:
		}
		r := l.folder.current()
		if r == nil {
			continue
		}
		m := r.meta.Load()
		now := wire.Knowledge{Folder: l.folder.spec.key, Origin: m.Origin, Known: m.Seen, Held: m.Held}
		if told && now.Origin == last.Origin && now.Known.Compare(last.Known) == version.Equal && now.Held.Compare(last.Held) == version.Equal {
			continue
		}
		if s.Send(ctx, wire.Control, now) != nil {
			return
		}
		last, told = now, true
		if !rest(ctx, tellEvery) {
			return
		}
	}
}

// rest waits, and tells whether ctx goes on.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// hear takes in what the partner told.
func (l *link) hear(k wire.Knowledge) {
	l.mu.Lock()
	l.told, l.fresh, l.heard = k, true, time.Now()
	l.mu.Unlock()
	l.signal()
	r := l.folder.current()
	if r == nil {
		return
	}
	if r.suspect(l.way.partner.Host, k.Known) {
		return
	}
	r.remember(l.way.partner.Host, k)
	r.fetcher.Changed()
	l.folder.elect()
}

// remember keeps what a partner holds with the index, so that the backlog is
// known after a restart before the partner has been heard. It goes with the
// next step; when the loop is behind, with the next that the partner tells.
func (r *replica) remember(host string, k wire.Knowledge) {
	select {
	case r.inbox <- func() error {
		r.store.PutPeer(index.Peer{Name: host, Knowledge: k.Held, Heard: time.Now().UnixNano()})
		return nil
	}:
	default:
	}
}

// recall takes what the index remembers of the partner, unless it has told since.
func (l *link) recall(r *replica) error {
	p, err := r.idx.Peers.Get(l.way.partner.Host)
	if errors.Is(err, index.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.heard.IsZero() {
		l.told.Held, l.heard = p.Knowledge, time.Unix(0, p.Heard)
	}
	return nil
}

// pull asks the partner for records whenever it holds what this member has not
// seen.
func (l *link) pull(ctx context.Context, s *peer.Session, ask chan struct{}) {
	for {
		timer := time.NewTimer(askEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-ask:
		case <-timer.C:
		}
		timer.Stop()
		for l.owes() {
			n, err := l.askOnce(ctx, s)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				l.cutShort(n)
				l.failed(err)
				l.folder.log.Debug("no records from a partner", zap.String("partner", l.way.partner.Host), zap.Error(err))
			}
			if err != nil || n == 0 {
				l.askSoon(ctx, ask)
				break
			}
		}
	}
}

// askSoon has the partner asked again after a while, or as soon as it has news.
func (l *link) askSoon(ctx context.Context, ask chan struct{}) {
	timer := time.NewTimer(askAfterFault)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-ask:
	case <-timer.C:
	}
	poke(ask)
}

// cutShort has the core forget that more of an answer was to come.
func (l *link) cutShort(parts int) {
	if r := l.folder.current(); r != nil && parts > 0 {
		r.later(func() error {
			r.events = append(r.events, reconcile.Retry{})
			return nil
		})
	}
}

// owes tells whether the partner may have something for this member.
func (l *link) owes() bool {
	l.mu.Lock()
	held, fresh := l.told.Held, l.fresh
	l.mu.Unlock()
	r := l.folder.current()
	if r == nil || !fresh || r.stopped.Load() {
		return false
	}
	m := r.meta.Load()
	return m.Phase != reconcile.Scanning && (!m.Seen.Includes(held) || m.Phase == reconcile.Joining)
}

// askOnce asks for what this member has not seen, and returns how many parts
// the answer had.
func (l *link) askOnce(ctx context.Context, s *peer.Session) (parts int, err error) {
	r := l.folder.current()
	if r == nil {
		return 0, nil
	}
	l.folder.asking.Add(1)
	defer l.folder.asking.Add(-1)
	seen := r.meta.Load().Seen
	err = s.Stream(ctx, wire.Control, wire.WantRecords{Folder: l.folder.spec.key, Known: seen}, func(m wire.Message) error {
		records, ok := m.(wire.Records)
		if !ok || records.Folder != l.folder.spec.key {
			return wire.ErrProtocol
		}
		parts++
		return r.told(ctx, reconcile.Received{From: l.way.partner.Host, Batch: reconcile.Batch{
			Records: records.Records, Since: seen, Claim: records.Known, Fence: records.Fence, Synced: records.Synced,
		}})
	})
	return parts, err
}

// told gives the loop what a partner answered and waits until it is committed.
func (r *replica) told(ctx context.Context, ev reconcile.Received) error {
	done := make(chan struct{})
	err := r.post(ctx, func() error {
		r.events = append(r.events, ev)
		r.after = append(r.after, func() { close(done) })
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-r.ended:
		return errReopen
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// answer streams the records that a partner has not seen.
func (r *replica) answer(partner string, seen version.Vector, part func(wire.Message) error) error {
	if r.suspect(partner, seen) {
		return wire.ErrStorage
	}
	snapshot, err := r.idx.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	m, err := snapshot.Meta()
	if err != nil {
		return err
	}
	r.tells(m.Count)
	records, head, ok, err := reconcile.Answer(snapshot, seen)
	if err != nil || !ok {
		return err
	}
	b := batcher{folder: r.f.spec.key, part: part}
	for record, err := range records {
		if err != nil {
			return err
		}
		if err := b.add(record); err != nil {
			return err
		}
	}
	return b.finish(head)
}
