package smbd

// window is the command sequence window of a connection (3.3.1.1, 3.3.1.2):
// which message ids the client may still use. The ids from low to high, those
// marked as used left out, are granted and unused. The span from low to high is
// bounded, so that an id which the client never uses cannot make the window
// grow; the client then runs out of credits until it uses it. The zero value
// grants nothing.
type window struct {
	low, high uint64
	// used marks the ids above low that came out of order: bit id%span. It is
	// nil while none did.
	used []uint64
	// ahead counts the marks in used.
	ahead int
	// most is the bound on granted and unused ids; the span is twice that.
	most int
}

const wordBits = 64

// newWindow returns the window of a new connection, which grants the message id
// first alone. most is a bound that set never exceeds.
func newWindow(first uint64, most int) window {
	return window{low: first, high: first + 1, most: (most + wordBits - 1) / wordBits * wordBits}
}

func (w *window) span() uint64 { return 2 * uint64(w.most) }

// available is the number of ids that the client may still use.
func (w *window) available() int { return int(w.high-w.low) - w.ahead }

// take uses up the ids from id to id+charge-1 and reports whether the client
// had all of them. A false take uses up none.
func (w *window) take(id uint64, charge int) bool {
	n := uint64(max(charge, 1))
	if id < w.low || id >= w.high || n > w.high-id {
		return false
	}
	for i := range n {
		if w.isUsed(id + i) {
			return false
		}
	}
	if id != w.low {
		w.mark(id, n)
		return true
	}
	w.low += n
	for w.ahead > 0 && w.isUsed(w.low) {
		w.used[w.low%w.span()/wordBits] &^= 1 << (w.low % wordBits)
		w.ahead--
		w.low++
	}
	return true
}

func (w *window) isUsed(id uint64) bool {
	return w.ahead > 0 && w.used[id%w.span()/wordBits]&(1<<(id%wordBits)) != 0
}

func (w *window) mark(id, n uint64) {
	if w.used == nil {
		w.used = make([]uint64, w.span()/wordBits)
	}
	for i := id; i < id+n; i++ {
		w.used[i%w.span()/wordBits] |= 1 << (i % wordBits)
	}
	w.ahead += int(n)
}

// grant gives the client up to want further ids, one at least, as far as it
// then has no more than most unused and the window stays within its span. It
// returns how many; a client that has none always gets one.
func (w *window) grant(want uint16, most int) uint16 {
	room := min(most, w.most) - w.available()
	room = min(room, int(w.span()-(w.high-w.low)))
	n := max(0, min(int(max(want, 1)), room))
	w.high += uint64(n)
	return uint16(n)
}
