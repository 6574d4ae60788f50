package targetstate

import (
	"math"
	"time"
)

// backlog is the worst that words say: the lag, and who says so.
type backlog struct {
	files int64
	by    string
	lag   time.Duration
}

// add counts a word in that is by now this old.
func (b *backlog) add(w Word, old time.Duration) {
	if w.Files <= 0 {
		return
	}
	other := backlog{w.Files, w.By, sum(age(w.Oldest), old)}
	if other.worse(*b) {
		*b = other
	}
}

// worse orders backlogs; of equals it takes the same whatever the order of words.
func (b backlog) worse(than backlog) bool {
	switch {
	case than.files == 0 || b.lag != than.lag:
		return than.files == 0 || b.lag > than.lag
	case b.files != than.files:
		return b.files > than.files
	}
	return b.by < than.by
}

// evidence is what all words about one member come to.
type evidence struct {
	backlog          // of the fresh words
	said     bool    // there is a fresh word
	stale    backlog // of the others: how it was
	staleLag time.Duration
	contact  bool          // the member, or somebody connected to it, was ever heard
	silence  time.Duration // since that was last
	joined   bool          // by a fresh word, somebody is connected to the member
	cutOff   bool          // by a fresh word, somebody who is not has what the member lacks
}

// evidence weighs the words about the member, its own among them.
func (j judge) evidence() evidence {
	e := evidence{silence: math.MaxInt64}
	for _, w := range j.in.Words {
		e.word(w, age(w.Age))
		if w.Connected {
			e.heard(age(w.Age))
		}
	}
	if own := j.in.Own; own.Heard {
		e.heard(age(own.Age))
		for _, w := range own.Words {
			e.word(w, max(age(w.Age), age(own.Age)))
		}
	}
	e.staleLag = e.stale.lag
	return e
}

func (e *evidence) word(w Word, old time.Duration) {
	if old > StaleAfter {
		e.stale.add(w, old)
		return
	}
	e.said = true
	e.joined = e.joined || w.Connected
	e.cutOff = e.cutOff || !w.Connected && w.Files > 0
	e.add(w, old)
}

func (e *evidence) heard(old time.Duration) {
	e.contact, e.silence = true, min(e.silence, old)
}

// silent reports whether nothing that is known of the member is fresh and by
// somebody who could know: it may have fallen behind without our hearing of it.
func (e evidence) silent() bool { return !e.contact || e.silence > StaleAfter }

// caughtUp reports whether fresh words show that the member lacks nothing older
// than allowed. A little lag is no lack where replication is at work: somebody must be connected
// to the member, and so must be whoever says that it lacks something.
func (e evidence) caughtUp(allowed time.Duration) bool {
	return e.said && e.joined && !e.cutOff && !e.silent() && e.lag <= allowed
}

// age takes a duration that a faulty clock made negative for none.
func age(d time.Duration) time.Duration { return max(d, 0) }

// sum adds two ages; the sum of absurd ones is absurd, but not negative.
func sum(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
