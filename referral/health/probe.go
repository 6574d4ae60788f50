package health

import (
	"context"
	"fmt"
	"time"
)

// Prober knocks at file servers. It is called from many goroutines, never twice
// at a time for one host.
type Prober interface {
	// Probe knocks once at host for all paths, which it must not change. It may
	// block until ctx ends, and no longer: until then it holds one of the
	// Monitor's slots. It never panics.
	Probe(ctx context.Context, host string, paths []string) Result
}

// Stage is how far a probe came before it failed.
type Stage uint8

// The stages, in their order.
const (
	StageResolve   Stage = iota // the address of the host
	StageDial                   // the TCP connection
	StageNegotiate              // the SMB2 dialect
	StageSession                // the session: who we are
	StageTree                   // the share
	StagePath                   // the folder in the share
)

var stageNames = [...]string{
	StageResolve: "resolve", StageDial: "dial", StageNegotiate: "negotiate",
	StageSession: "session", StageTree: "tree", StagePath: "path",
}

func (s Stage) String() string {
	if int(s) >= len(stageNames) {
		return fmt.Sprintf("stage %d", uint8(s))
	}
	return stageNames[s]
}

// Result is what one probe of one host found.
type Result struct {
	// Host is why nothing can be said of the single paths: the host was not
	// reached, or did not let us in. All paths fail with it. A nil Host means
	// that the host answered.
	Host *Failure
	// Targets has one entry per path asked, in that order; nil is good. It counts
	// only where Host is nil. A path that has no entry failed.
	Targets []*Failure
	// Took is how long the host was at it; 0: as long as Probe ran.
	Took time.Duration
	// Local is reserved. A Monitor does not read it.
	Local bool
}

// Failure says why a probe failed, and where. Both are shown to people, so Err
// holds no secret.
type Failure struct {
	Stage Stage
	Err   error // nil: nothing more is known
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Stage.String()
	}
	return f.Stage.String() + ": " + f.Err.Error()
}

// Unwrap returns what went wrong at the stage.
func (f *Failure) Unwrap() error { return f.Err }
