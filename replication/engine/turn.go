package engine

import (
	"context"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/replication/index"
	"dfsd/replication/reconcile"
	"dfsd/replication/survey"
	"dfsd/replication/transfer"
)

const (
	// maxEvents is about how many events one step takes.
	maxEvents = 4096
	// retryEvery is how long what failed is left alone.
	retryEvery = 5 * time.Second
	// laterEvery is how often paths that could not be read are looked at again.
	laterEvery = time.Second
	// gathered is how many contents may wait for a step while others are
	// installed.
	gathered = 512
	// maxKept is how many bytes of contents may wait in memory for their install.
	maxKept = 48 << 20
)

// turn is the loop: it takes what has come and steps the core.
func (r *replica) turn(ctx context.Context) error {
	retry := time.NewTicker(r.f.retry)
	defer retry.Stop()
	again := time.NewTicker(laterEvery)
	defer again.Stop()
	if err := r.resume(ctx); err != nil {
		return err
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case do := <-r.inbox:
			err = do()
		case rs, ok := <-r.results():
			r.arrived(rs, ok)
		case l := <-r.lists:
			r.store.PutList(l)
		case <-retry.C:
			r.retry()
		case <-again.C:
			r.lookAgain()
			err = r.checkRoot()
		}
		for err == nil && len(r.events) < maxEvents && r.more(&err) {
		}
		if err == nil && !r.mayGather() {
			err = r.step()
		}
		if err != nil {
			return err
		}
	}
}

// more takes one thing more if there is one.
func (r *replica) more(err *error) bool {
	select {
	case do := <-r.inbox:
		*err = do()
	case rs, ok := <-r.results():
		r.arrived(rs, ok)
	case l := <-r.lists:
		r.store.PutList(l)
	default:
		return false
	}
	return true
}

// results is where contents come from, unless too much waits in memory already.
func (r *replica) results() <-chan []transfer.Result {
	if r.exhausted || r.kept > maxKept && len(r.running) > 0 {
		return nil
	}
	return r.fetcher.Results()
}

// arrived takes in contents, or that the fetcher has ended, as it does before
// the loop when the folder is closed.
func (r *replica) arrived(rs []transfer.Result, ok bool) {
	if !ok {
		r.exhausted = true
		return
	}
	r.fetched(rs)
}

// mayGather tells whether all that has come can wait for more of its kind:
// contents, while the installer has work. A step costs a sync.
func (r *replica) mayGather() bool {
	return len(r.running) > 0 && len(r.after) == 0 && r.arrivals == len(r.events) && r.arrivals < gathered
}

// step steps the core over the events that have come, and does what it says.
func (r *replica) step() error {
	if len(r.events) > 0 {
		sightings := r.sightings
		actions, err := r.core.Step(time.Now().UnixNano(), r.events...)
		r.events, r.sightings, r.arrivals = r.events[:0], nil, 0
		if err != nil {
			return err
		}
		r.publish()
		if err := r.act(actions, sightings); err != nil {
			return err
		}
		r.f.tell()
	}
	for _, f := range r.after {
		f()
	}
	r.after = r.after[:0]
	return r.dispatch()
}

func (r *replica) act(actions []reconcile.Action, sightings []sighting) error {
	mended := false
	for _, a := range actions {
		switch a := a.(type) {
		case reconcile.Identified:
			mended = r.identified(sightings[0], a.ID) || mended
			sightings = sightings[1:]
		case reconcile.Want:
			if err := r.want(a.Record); err != nil {
				return err
			}
		case reconcile.Install:
			r.queue = append(r.queue, a.Plan)
		case reconcile.Refuse:
			r.log.Warn("a partner broke the protocol", event.PartnerAtFault.Field(), zap.String("partner", a.From), zap.Error(a.Err))
			r.f.cutOff(a.From, a.Err)
		}
	}
	if mended {
		return r.store.Commit()
	}
	return nil
}

// retry lets what failed be tried again, and drops contents that nobody wants
// any more.
func (r *replica) retry() {
	for id := range r.contents {
		if r.core.Waiting(id) == "" {
			r.drop(id)
		}
	}
	clear(r.faults)
	clear(r.changed)
	if r.core.Pending() == 0 {
		r.allTold = false
		return
	}
	r.events = append(r.events, reconcile.Retry{})
	switch told := !r.paused && r.f.allTold(); {
	case told && r.allTold: // now, and the time before
		r.events = append(r.events, reconcile.Told{})
		r.fetcher.AskAll()
	default:
		r.allTold = told
	}
}

// lookAgain has the paths surveyed that could not be read.
func (r *replica) lookAgain() {
	if len(r.unread) == 0 {
		return
	}
	areas := make([]survey.Area, 0, len(r.unread))
	for a := range r.unread {
		areas = append(areas, a)
	}
	clear(r.unread)
	r.requests.add(areas, nil)
}

// keepList gives the loop a chunk list to store. When it is behind, the list is
// dropped: it will be made again when it is needed.
func (r *replica) keepList(l index.List) {
	select {
	case r.lists <- l:
	default:
	}
}
