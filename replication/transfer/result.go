package transfer

import (
	"context"

	"dfsd/replication/chunk"
)

// finish gives the results of jobs, where they are wanted still.
func (f *Fetcher) finish(jobs []*job, results []Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, j := range jobs {
		if j.dead {
			f.charged -= j.charge
			continue
		}
		f.retire(j)
		f.out = append(f.out, results[i])
		f.outCharge += j.charge
		if results[i].Err != nil {
			f.progress.Failed++
		} else {
			f.progress.Done++
			f.progress.DoneBytes += j.size
		}
	}
	f.changed.Broadcast()
}

// deliver sends what is ready, all at once, and then frees its memory.
func (f *Fetcher) deliver(ctx context.Context) {
	for {
		f.mu.Lock()
		for len(f.out) == 0 && !f.stopped {
			f.changed.Wait()
		}
		batch, charge := f.out, f.outCharge
		f.out, f.outCharge = nil, 0
		f.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		select {
		case f.results <- batch:
		case <-ctx.Done():
			return
		}
		f.mu.Lock()
		f.charged -= charge
		f.changed.Broadcast()
		f.mu.Unlock()
	}
}

// failed is the result of a job that this member itself could not do.
func failed(j *job, err error) Result { return Result{ID: j.id, Hash: j.hash, Err: err} }

// mismatch is the fault of whoever sent content that has another hash.
func mismatch() error { return &fault{chunk.ErrMismatch} }
