package field

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"
)

var errMalformed = errors.New("malformed")

func body(b ...byte) *Reader { return &Reader{Body: b, Malformed: errMalformed} }

func TestFields(t *testing.T) {
	b := AppendBool(nil, true)
	b = AppendBytes(b, "text")
	b = binary.AppendUvarint(b, math.MaxInt64)
	b = append(b, 2, 7, 8)
	r := body(b...)
	if !r.Bool("a") || string(r.Bytes(4, "b")) != "text" || r.Amount("c") != math.MaxInt64 || r.Count(2, 1, "d") != 2 || r.Byte("e") != 7 || r.Byte("f") != 8 {
		t.Error("what was written is not what is read")
	}
	if err := r.End("it"); err != nil || r.Left() != 0 {
		t.Errorf("End = %v, %d left", err, r.Left())
	}
	for n := range len(b) { // each strict prefix
		r := body(b[:n]...)
		_, _, _, _, _, _ = r.Bool("a"), r.Bytes(4, "b"), r.Amount("c"), r.Count(2, 1, "d"), r.Byte("e"), r.Byte("f")
		if err := r.End("it"); !errors.Is(err, errMalformed) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, read := range map[string]func() *Reader{
		"a bool of 2":                func() *Reader { r := body(2); r.Bool("x"); return r },
		"a long form of 0":           func() *Reader { r := body(0x80, 0); r.Uvarint("x"); return r },
		"a number without an end":    func() *Reader { r := body(0x80); r.Uvarint("x"); return r },
		"an amount below 0":          func() *Reader { r := body(binary.AppendUvarint(nil, 1<<63)...); r.Amount("x"); return r },
		"more than the limit":        func() *Reader { r := body(3, 0, 0, 0); r.Count(2, 1, "x"); return r },
		"more than can follow":       func() *Reader { r := body(3, 0, 0, 0); r.Count(9, 2, "x"); return r },
		"bytes beyond the limit":     func() *Reader { r := body(3, 0, 0, 0); r.Bytes(2, "x"); return r },
		"bytes beyond the body":      func() *Reader { r := body(3, 0); r.Bytes(9, "x"); return r },
		"fewer than none":            func() *Reader { r := body(0); r.Take(-1, "x"); return r },
		"something behind the end":   func() *Reader { r := body(0); _ = r.End("x"); return r },
		"the first fault of several": func() *Reader { r := body(2); r.Bool("x"); r.Fail("later"); return r },
	} {
		r := read()
		if !errors.Is(r.Err, errMalformed) || r.Err.Error() == "malformed: later" {
			t.Errorf("%s: %v", name, r.Err)
		}
		if r.Byte("next") != 0 || r.Uvarint("next") != 0 || r.Take(0, "next") != nil {
			t.Errorf("%s: fields behind a fault are not zero", name)
		}
	}
}
