package fscc

// Fit says what became of an entry offered to a Listing.
type Fit uint8

// The ways in which an entry fits.
const (
	Whole   Fit = iota // it is in
	Cut                // it is in, with a part of its name: nothing else fits
	Refused            // it is not in: there is no room
)

// Listing is the answer to one directory query, built within the client's
// buffer. Entries begin at multiples of 8; behind the last there is no padding
// ([MS-FSCC] 2.4).
type Listing struct {
	class DirectoryClass
	limit int
	b     []byte
	last  int // offset of the last entry
}

// NewListing returns an empty Listing of at most limit bytes. The class must be a
// directory class and limit no less than its NameOffset.
func NewListing(c DirectoryClass, limit int) *Listing {
	return &Listing{class: c, limit: limit}
}

// Add adds e. Only the first entry may be cut ([MS-FSA] 2.1.5.6.3).
func (l *Listing) Add(e *Entry) Fit {
	start := (len(l.b) + 7) &^ 7
	size := l.class.NameOffset() + nameBytes(e.Name)
	if len(l.b) > 0 && size > l.limit-start {
		return Refused
	}
	l.b = appendZeros(l.b, start-len(l.b))
	if start > 0 {
		le.PutUint32(l.b[l.last:], uint32(start-l.last))
	}
	l.b = appendName(e.appendFixed(l.b, l.class), e.Name)
	l.last = start
	if len(l.b) > l.limit {
		whole := (l.limit - l.class.NameOffset()) / 2 // characters
		l.b = l.b[:l.class.NameOffset()+2*whole]
		return Cut
	}
	return Whole
}

// Bytes returns the entries; the caller owns them.
func (l *Listing) Bytes() []byte { return l.b }

// Empty reports whether no entry has been added.
func (l *Listing) Empty() bool { return len(l.b) == 0 }
