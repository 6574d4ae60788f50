package journal

// kind is what has happened to a name, as far as its rest is concerned.
type kind uint8

const (
	touched kind = iota // made, linked, its attributes changed, or unknown
	written             // its content changed, and whoever did it has it open
	closed              // somebody who could write has closed it
	removed             // the name is gone
	renamed             // the name came from another one below the root
	refused             // the system hears no more of some part of the tree
)

// name is a name below the root; an empty base is the directory itself.
type name struct{ dir, base string }

// event is one thing heard, in the order in which it happened.
type event struct {
	at   name
	from name // of renamed: the other side
	kind kind
	deep bool
}

// everything is heard when the system lost count.
func everything() event { return event{at: name{dir: "."}, deep: true} }

// outside tells whether at is neither the private name at the root nor below it.
func (at name) outside(skip string) bool {
	return skip == "" || !within(join(at.dir, at.base), skip)
}

// without returns what is left of an event when the private name at the root
// is left out. A move across its border is a name that came or went.
func (e event) without(skip string) (event, bool) {
	here := e.at.outside(skip)
	if e.kind != renamed {
		return e, here
	}
	there := e.from.outside(skip)
	switch {
	case here && there:
		return e, true
	case here:
		return event{at: e.at, kind: touched, deep: e.deep}, true
	case there:
		return event{at: e.from, kind: removed, deep: e.deep}, true
	}
	return event{}, false
}

// A source hears changes. One goroutine calls next.
type source interface {
	// next blocks until something was heard. Its error is final; what it
	// returns beside one still counts.
	next() ([]event, error)
	// interrupt ends next, now and for ever, from any goroutine.
	interrupt() error
	// close gives everything back, once nobody is in next.
	close() error
}
