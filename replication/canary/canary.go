package canary

import (
	"context"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/fsx"
)

// Directory is the name at the root of a replicated folder below which the
// canaries of all members stand.
const Directory = ".dfsd-canary"

// MinEvery is the shortest pause between two writings of one member.
const MinEvery = 10 * time.Second

// Options say which folder to measure. Root, Folder, Host and Every must be
// set.
type Options struct {
	Root    string        // of the replicated folder on this host
	Folder  string        // group/folder, for logs and metrics
	Host    string        // this host, as the configuration names it
	Members []string      // all members of the folder, this host included or not
	Every   time.Duration // pause between two writings; less than MinEvery counts as MinEvery
	Log     *zap.Logger   // nil is silence
	// Now is the clock of this host; nil: time.Now.
	Now func() time.Time
	// Notify hints that something in the folder has changed. With it the files
	// are looked at when it does, at most every second, and every ten seconds
	// at least; without (nil), and after it was closed, every second.
	Notify <-chan struct{}
	// Writable tells whether this member may change the folder now: not while
	// it is read-only, paused, halted or in its initial sync, in which what is
	// new here would leave the tree. nil: always. It is called by Run's
	// goroutine and must not block.
	Writable func() bool
	// Wrote is called after each writing, by Run's goroutine: whoever does not
	// hear of what this process does learns it so. nil: nobody need be told.
	Wrote func()
}

// Arrival is the newest canary of one member.
type Arrival struct {
	From    string    // the member, as Options.Members names it
	Seq     uint64    // of the writing
	Written time.Time // by the clock of From
	// Arrived is when it came, by this host's clock; zero if it was there
	// before Run began to watch, and then Delay is not known either.
	Arrived time.Time
	Delay   time.Duration // Arrived - Written, at least 0
	Skewed  bool          // Arrived was before Written: the clocks disagree
	Age     time.Duration // since Written, at least 0: the measured recovery point
}

// Canary writes this host's canary in one folder and watches those of others.
type Canary struct {
	o        Options
	fs       fsx.FS
	log      *zap.Logger
	m        *Metrics
	group    string
	folder   string
	writable func() bool

	// What follows is Run's alone.
	own    own
	agenda agenda
	looked time.Time // when the folder was last looked at with success

	mu     sync.Mutex
	others []*sighting // fixed; mu guards what of them Arrivals reads, and Run alone changes that
}

// New returns a canary that does nothing before Run. m may be nil: nobody
// looks at its metrics.
func New(o Options, m *Metrics) *Canary {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if m == nil {
		m = NewMetrics(nil)
	}
	o.Every = max(o.Every, MinEvery)
	c := &Canary{
		o: o, fs: fsx.OS(), m: m, writable: o.Writable,
		log:    o.Log.With(zap.String("folder", o.Folder)),
		own:    own{file: FileName(o.Host)},
		agenda: agenda{every: o.Every, idle: pause},
	}
	if c.writable == nil {
		c.writable = func() bool { return true }
	}
	if o.Notify != nil {
		c.agenda.idle = idlePause
	}
	c.group, c.folder, _ = strings.Cut(o.Folder, "/")
	c.others = sightings(o.Members, c.own.file)
	return c
}

// sightings are those of the members but the host whose file is own, each once.
func sightings(members []string, own string) []*sighting {
	var out []*sighting
	met := map[string]bool{own: true}
	for _, host := range members {
		if file := FileName(host); !met[file] {
			met[file] = true
			out = append(out, &sighting{host: host, file: file})
		}
	}
	return out
}

// Run writes and watches until ctx ends, and then returns nil; no fault of the
// folder ends it, and a root that is missing is tried again. The series of this
// canary's metrics go when it returns. It may be called once.
func (c *Canary) Run(ctx context.Context) error {
	defer c.forget()
	hints := c.o.Notify
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case _, open := <-hints:
			if open {
				c.agenda.hint()
				break
			}
			hints = nil
			c.agenda.idle = pause
		}
		if now := c.o.Now(); c.agenda.due(now) {
			c.turn(now)
		}
		timer.Reset(c.agenda.wait(c.o.Now()))
	}
}

// turn looks, and writes if it is time to.
func (c *Canary) turn(now time.Time) {
	c.agenda.lookedAt(now)
	err := c.look(now)
	c.tell(now)
	switch {
	case !c.agenda.writeDue(now):
	case !c.writable():
		c.agenda.write = now.Add(pause)
	default:
		if err == nil {
			err = c.write()
		}
		c.wrote(now, err)
	}
}

// wrote notes how a writing went.
func (c *Canary) wrote(now time.Time, err error) {
	c.own.tried = now
	if err != nil {
		c.m.failed.Inc()
		c.agenda.write = now.Add(MinEvery)
		if !c.own.failing {
			c.log.Warn("the canary could not be written", zap.Error(err))
		}
		c.own.failing = true
		return
	}
	c.m.written.Inc()
	c.agenda.write = now.Add(c.o.Every)
	if c.own.failing {
		c.log.Info("the canary was written again", zap.Uint64("seq", c.own.seq))
	}
	c.own.failing = false
	if c.o.Wrote != nil {
		c.o.Wrote()
	}
}

// Arrivals returns the newest canary of each other member of which any was
// seen, in the order of Options.Members. It may be called at any time by any
// goroutine.
func (c *Canary) Arrivals() []Arrival {
	now := c.o.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Arrival
	for _, s := range c.others {
		if s.any {
			a := s.last
			a.Age = max(now.Sub(a.Written), 0)
			out = append(out, a)
		}
	}
	return out
}

// tell shows the ages.
func (c *Canary) tell(now time.Time) {
	for _, s := range c.others {
		if s.any {
			c.m.age.WithLabelValues(c.way(s)...).Set(max(now.Sub(s.last.Written), 0).Seconds())
		}
	}
}

func (c *Canary) forget() {
	for _, s := range c.others {
		c.m.age.DeleteLabelValues(c.way(s)...)
		c.m.convergence.DeleteLabelValues(c.way(s)...)
	}
}

// way is the values of the labels of a member's series.
func (c *Canary) way(s *sighting) []string {
	return []string{c.group, c.folder, s.host, c.o.Host}
}
