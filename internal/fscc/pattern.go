package fscc

import (
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrBadPattern is a search pattern that no file system takes: with characters
// that names may not hold, empty or too long.
var ErrBadPattern = errors.New("bad search pattern")

// Pattern is a file name expression ([MS-FSA] 2.1.4.4). Its wildcards are
//
//   - any number of characters
//     ?   one character
//     <   any number of characters, the last dot of the name only as their last
//     >   one character other than a dot; before a dot or at the end also none
//     "   a dot; at the end of the name also nothing
//
// where a character is a UTF-16 code unit. Matching takes time in proportion to
// the length of the name, whatever the pattern. A Pattern is immutable and safe
// for concurrent use.
type Pattern struct {
	text    string
	literal bool // no wildcards
	all     bool // the pattern *
	fold    func(rune) rune

	// The expression is a row of positions, each a wildcard or a code unit. A
	// name is read unit by unit into the set of states that it may be in: n
	// where the first n positions match what was read.
	end                 bitset // the state behind the last position
	dot, lastDot, other rule   // for a dot, for the last dot, for all else
	free                bitset // what may match nothing at the end of the name

	// Where the code units stand: places, found by the unit. Place 0 is nowhere.
	places []bitset
	ascii  [utf8.RuneSelf]uint8
	wide   map[uint16]uint8 // folded
}

// rule says what each position may do with a unit: match nothing before it,
// match it and be done, match it and want more.
type rule struct{ free, once, more bitset }

// NewPattern compiles text. Two characters are the same where fold maps them to
// the same one. The error is ErrBadPattern.
func NewPattern(text string, fold func(rune) rune) (*Pattern, error) {
	if text == "" || strings.ContainsFunc(text, barred) || units(text) > maxName {
		return nil, ErrBadPattern
	}
	p := &Pattern{
		text:    text,
		literal: !strings.ContainsAny(text, `*?<>"`),
		all:     text == "*",
		fold:    fold,
		places:  make([]bitset, 1),
		wide:    map[uint16]uint8{},
	}
	positions := utf16.Encode([]rune(text))
	for i, unit := range positions {
		p.put(unit, single(i))
	}
	p.end = single(len(positions))
	for c := range p.ascii {
		p.ascii[c] = p.wide[p.folded(uint16(c))]
	}
	return p, nil
}

// barred reports whether r can stand in no pattern.
func barred(r rune) bool { return r < 0x20 || strings.ContainsRune(`/:\|`, r) }

// put puts unit at a position of the expression.
func (p *Pattern) put(unit uint16, at bitset) {
	grow := func(sets ...*bitset) {
		for _, s := range sets {
			*s = s.or(at)
		}
	}
	switch unit {
	case '*':
		grow(&p.other.free, &p.dot.free, &p.lastDot.free, &p.free)
		grow(&p.other.more, &p.dot.more, &p.lastDot.more)
	case '<':
		grow(&p.other.free, &p.dot.free, &p.lastDot.free, &p.free)
		grow(&p.other.more, &p.dot.more, &p.lastDot.once)
	case '?':
		grow(&p.other.once, &p.dot.once, &p.lastDot.once)
	case '>':
		grow(&p.other.once, &p.dot.free, &p.lastDot.free, &p.free)
	case '"':
		grow(&p.dot.once, &p.lastDot.once, &p.free)
	default:
		grow(p.place(p.folded(unit)))
	}
}

// place returns where a folded unit stands, for the caller to change.
func (p *Pattern) place(unit uint16) *bitset {
	if _, ok := p.wide[unit]; !ok {
		p.wide[unit] = uint8(len(p.places))
		p.places = append(p.places, bitset{})
	}
	return &p.places[p.wide[unit]]
}

func (p *Pattern) folded(unit uint16) uint16 { return uint16(p.fold(rune(unit))) }

// Literal returns the only name that matches, up to its case, where the pattern
// has no wildcards.
func (p *Pattern) Literal() (string, bool) { return p.text, p.literal }

// Match reports whether name matches.
func (p *Pattern) Match(name string) bool {
	if p.all {
		return true
	}
	lastDot := strings.LastIndexByte(name, '.')
	state := single(0)
	for i, r := range name {
		switch {
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			state = p.step(p.step(state, &p.other, uint16(high)), &p.other, uint16(low))
		case i == lastDot:
			state = p.step(state, &p.lastDot, '.')
		case r == '.':
			state = p.step(state, &p.dot, '.')
		default:
			state = p.step(state, &p.other, uint16(r))
		}
		if state.empty() {
			return false
		}
	}
	return !state.flow(p.free).and(p.end).empty()
}

// step returns the states behind one more unit of the name.
func (p *Pattern) step(state bitset, r *rule, unit uint16) bitset {
	var place uint8
	if unit < utf8.RuneSelf {
		place = p.ascii[unit]
	} else {
		place = p.wide[p.folded(unit)]
	}
	state = state.flow(r.free)
	return state.and(r.more).or(state.and(r.once.or(p.places[place])).up())
}
