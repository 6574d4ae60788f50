package version

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxOrigins bounds the origins of a vector that comes from outside: far more
// lives of indexes than a group ever sees.
const MaxOrigins = 4096

// ErrMalformed is returned for bytes that are not an encoded vector.
var ErrMalformed = errors.New("version: malformed vector")

const (
	format   = 1  // the first byte of every encoded vector
	minEntry = 17 // origin and the shortest count
)

// Append appends the encoding of v to b:
//
//	format   1 byte, 1
//	n        uvarint, at most MaxOrigins
//	n times  origin, 16 bytes, strictly ascending; count, uvarint, at least 1
//
// Every uvarint has its shortest form, so equal vectors have equal bytes.
func (v Vector) Append(b []byte) []byte {
	b = append(b, format)
	b = binary.AppendUvarint(b, uint64(len(v.tops)))
	for _, s := range v.tops {
		b = append(b, s.Origin[:]...)
		b = binary.AppendUvarint(b, s.Count)
	}
	return b
}

// ParseVector reads a vector from the front of b and returns what follows it.
// The vector holds no part of b. It allocates no more than b is long.
func ParseVector(b []byte) (Vector, []byte, error) {
	if len(b) == 0 || b[0] != format {
		return Vector{}, nil, fmt.Errorf("%w: format", ErrMalformed)
	}
	n, b, err := uvarint(b[1:])
	if err != nil {
		return Vector{}, nil, err
	}
	if n > MaxOrigins || n > uint64(len(b)/minEntry) {
		return Vector{}, nil, fmt.Errorf("%w: %d origins in %d bytes", ErrMalformed, n, len(b))
	}
	if n == 0 {
		return Vector{}, b, nil
	}
	tops := make([]Stamp, n)
	for i := range tops {
		if tops[i], b, err = parseStamp(b); err != nil {
			return Vector{}, nil, err
		}
		if i > 0 && tops[i-1].Origin.Compare(tops[i].Origin) >= 0 {
			return Vector{}, nil, fmt.Errorf("%w: origin %v is out of order", ErrMalformed, tops[i].Origin)
		}
	}
	return Vector{tops}, b, nil
}

func parseStamp(b []byte) (s Stamp, rest []byte, err error) {
	if len(b) < minEntry {
		return s, nil, fmt.Errorf("%w: %d bytes left for a stamp", ErrMalformed, len(b))
	}
	copy(s.Origin[:], b)
	if s.Count, rest, err = uvarint(b[len(s.Origin):]); err != nil {
		return s, nil, err
	}
	if s.Count == 0 {
		return s, nil, fmt.Errorf("%w: count 0", ErrMalformed)
	}
	return s, rest, nil
}

func uvarint(b []byte) (uint64, []byte, error) {
	x, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, nil, fmt.Errorf("%w: number", ErrMalformed)
	}
	return x, b[n:], nil
}
