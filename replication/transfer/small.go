package transfer

import (
	"context"

	"github.com/zeebo/blake3"

	"dfsd/replication"
	"dfsd/replication/wire"
)

// fetchSmall brings small files, a pack at a time, until ctx ends. Several do
// so at once, which keeps the way to the partner full.
func (f *Fetcher) fetchSmall(ctx context.Context) {
	for {
		jobs := f.takeSmall()
		if len(jobs) == 0 {
			return
		}
		if jobs = f.fromHere(jobs); len(jobs) > 0 {
			f.fromSource(ctx, jobs)
		}
	}
}

// takeSmall waits for small jobs and for the memory that their contents need.
// It returns none when the fetcher stops.
func (f *Fetcher) takeSmall() (jobs []*job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var first *job
	for {
		if f.stopped {
			return nil
		}
		if first = f.small.peek(); first != nil && f.charged+first.size+jobOverhead <= memory {
			break
		}
		f.changed.Wait()
	}
	total := int64(0)
	for j := first; j != nil && len(jobs) < packFiles; j = f.small.peek() {
		if len(jobs) > 0 && total+j.size > packBytes || f.charged+j.size+jobOverhead > memory {
			break
		}
		total += j.size
		j.charge = j.size + jobOverhead
		f.charged += j.charge
		f.small.pop()
		jobs = append(jobs, j)
	}
	return jobs
}

// fromHere finishes the jobs whose content is nothing or is held here, and
// returns the others.
func (f *Fetcher) fromHere(jobs []*job) (others []*job) {
	var done []*job
	var results []Result
	for _, j := range jobs {
		if b, ok := f.held(j); ok {
			done = append(done, j)
			results = append(results, Result{ID: j.id, Hash: j.hash, Bytes: b})
		} else {
			others = append(others, j)
		}
	}
	if len(done) > 0 {
		f.finish(done, results)
	}
	return others
}

// held returns the content of a small job if this member has it.
func (f *Fetcher) held(j *job) ([]byte, bool) {
	if j.size == 0 {
		return []byte{}, isContent(nil, j)
	}
	if j.looked {
		return nil, false
	}
	j.looked = true
	file, size, still, err := f.o.Local.Open(j.want())
	if err != nil {
		return nil, false
	}
	defer file.Close()
	if size != j.size {
		return nil, false
	}
	b := make([]byte, size)
	if n, _ := file.ReadAt(b, 0); n < len(b) || still() != nil {
		return nil, false
	}
	return b, isContent(b, j)
}

func isContent(b []byte, j *job) bool {
	return int64(len(b)) == j.size && replication.Hash(blake3.Sum256(b)) == j.hash
}

// fromSource asks the best source of the first job for all that it holds. Jobs
// for which that is another source go back to the queue.
func (f *Fetcher) fromSource(ctx context.Context, jobs []*job) {
	sources := f.o.Partners()
	for len(jobs) > 0 && ctx.Err() == nil {
		var chosen Source
		var now, later, parked, over []*job
		var ends []Result
		for _, j := range jobs {
			s, v, r := f.pick(j, sources)
			switch {
			case v == wait:
				parked = append(parked, j)
			case v == giveUp:
				over, ends = append(over, j), append(ends, r)
			case len(now) == 0 || s.Host == chosen.Host:
				chosen = s
				now = append(now, j)
			default:
				later = append(later, j)
			}
		}
		if len(over) > 0 {
			f.finish(over, ends)
		}
		if len(parked) > 0 {
			f.requeue(true, parked...)
		}
		if len(later) > 0 {
			f.requeue(false, later...)
		}
		if jobs = now; len(now) > 0 {
			jobs = f.askPack(ctx, chosen, now)
			sources = f.o.Partners()
		}
	}
	if len(jobs) > 0 {
		f.requeue(false, jobs...)
	}
}

// askPack asks s for the contents of jobs and returns those that are to be
// tried again.
func (f *Fetcher) askPack(ctx context.Context, s Source, jobs []*job) (again []*job) {
	want := wire.WantFiles{Folder: f.o.Folder, Files: make([]wire.Want, len(jobs))}
	for i, j := range jobs {
		want.Files[i] = j.want()
	}
	open := jobs // not answered yet
	err := s.Partner.Stream(ctx, wire.Small, want, func(m wire.Message) error {
		pack, ok := m.(wire.Pack)
		if !ok || pack.Folder != f.o.Folder || len(pack.Files) == 0 || len(pack.Files) > len(open) {
			return outOfPlace("%v for %d files", m.Type(), len(open))
		}
		for i, p := range pack.Files {
			if p.ID != open[i].id || p.Hash != open[i].hash {
				return outOfPlace("file %v for %v", p.ID, open[i].id)
			}
		}
		again = append(again, f.takePack(ctx, s, open, pack.Files)...)
		open = open[len(pack.Files):]
		return nil
	})
	if err == nil && len(open) > 0 {
		err = outOfPlace("%d of %d files", len(jobs)-len(open), len(jobs))
	}
	for _, j := range open {
		f.fail(ctx, j, s.Host, err)
	}
	return append(again, open...)
}

// takePack checks and delivers the files of a pack, and returns the jobs of
// those that did not come.
func (f *Fetcher) takePack(ctx context.Context, s Source, jobs []*job, files []wire.Packed) (again []*job) {
	done := make([]*job, 0, len(files))
	results := make([]Result, 0, len(files))
	received := int64(0)
	for i, p := range files {
		j := jobs[i]
		received += int64(len(p.Data))
		switch {
		case p.Code != 0:
			f.fail(ctx, j, s.Host, wire.Error{Code: p.Code})
			again = append(again, j)
		case !isContent(p.Data, j):
			f.fail(ctx, j, s.Host, mismatch())
			again = append(again, j)
		default:
			done = append(done, j)
			results = append(results, Result{ID: j.id, Hash: j.hash, Bytes: p.Data})
		}
	}
	f.received(s.Host, received)
	f.finish(done, results)
	return again
}
