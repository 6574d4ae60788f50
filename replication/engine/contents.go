package engine

import (
	"errors"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/chunk"
	"dfsd/replication/index"
	"dfsd/replication/reconcile"
	"dfsd/replication/transfer"
)

// content is what has been fetched and not yet installed.
type content struct {
	hash   replication.Hash
	bytes  []byte
	staged string // or the name of a temporary
}

// want asks the fetcher for the content of a record.
func (r *replica) want(record replication.Record) error {
	r.drop(record.ID)
	r.wants[record.ID] = record.Hash
	job := transfer.Job{Record: record}
	e, ok, err := r.store.Entry(record.ID)
	if err != nil {
		return err
	}
	if ok && e.Live() && e.Disk.Kind == replication.File && e.Disk.Size > 0 {
		job.Base, job.HasBase = e.Disk.Hash, true
	}
	job.AskAll = r.allTold
	r.fetcher.Want(job)
	return nil
}

// fetched takes in contents that came, or did not.
func (r *replica) fetched(results []transfer.Result) {
	for _, f := range results {
		if want, ok := r.wants[f.ID]; !ok || want != f.Hash {
			r.discard(content{staged: f.Staged})
			continue
		}
		delete(r.wants, f.ID)
		if f.Err != nil {
			r.missing(f)
			continue
		}
		r.contents[f.ID] = content{f.Hash, f.Bytes, f.Staged}
		r.kept += int64(len(f.Bytes))
		if f.List != nil {
			r.store.PutList(listOf(f.List))
		}
		r.events = append(r.events, reconcile.Fetched{ID: f.ID, Hash: f.Hash, OK: true})
		r.arrivals++
	}
}

// givenUp is how often in a row a content must have been nowhere, with all members
// connected and past their scans, before the version that needs it is given up.
const givenUp = 12

// patience is givenUp for one content. Where nobody even claims to hold it, half as
// often will do. A member that has nothing to put in its place leaves that to others
// for twice as long.
func (r *replica) patience(f *transfer.Result) int {
	limit := givenUp
	if f.Unclaimed {
		limit /= 2
	}
	if e, ok, err := r.store.Entry(f.ID); err == nil && (!ok || !e.Live()) {
		limit *= 2
	}
	return limit
}

func (r *replica) missing(f transfer.Result) {
	r.faults[f.ID] = f.Err.Error()
	r.log.Debug("content not obtained", zap.Stringer("id", f.ID), zap.Error(f.Err))
	r.events = append(r.events, reconcile.Fetched{ID: f.ID, Hash: f.Hash})
	if !f.Gone || !r.f.allKnow() {
		delete(r.gone, f.Hash)
		return
	}
	if r.gone[f.Hash]++; r.gone[f.Hash] >= r.patience(&f) {
		delete(r.gone, f.Hash)
		r.log.Warn("a content exists nowhere any more; the version is given up", event.ContentGone.Field(), zap.Stringer("id", f.ID))
		r.events = append(r.events, reconcile.Unobtainable{ID: f.ID, Hash: f.Hash})
	}
}

// drop lets go of the content that is kept of an object.
func (r *replica) drop(id replication.FileID) {
	if c, ok := r.contents[id]; ok {
		r.kept -= int64(len(c.bytes))
		delete(r.contents, id)
		r.discard(c)
	}
	if _, ok := r.wants[id]; ok {
		delete(r.wants, id)
		r.fetcher.Drop(id)
	}
}

func (r *replica) discard(c content) {
	if c.staged == "" {
		return
	}
	if err := r.staging.Remove(c.staged); err != nil && !errors.Is(err, fsx.ErrNotExist) {
		r.log.Warn("a temporary stays in staging", zap.Error(err))
	}
}

// listOf returns the durable form of a chunk list.
func listOf(l *chunk.List) index.List {
	return index.List{Hash: l.Sum, Grain: index.Coarse, Data: l.Append(nil), Traits: l.Traits(), HasTraits: true}
}
