package smb2

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"
	"testing"
)

// fuzzMessage demands of a parser: no panic, only documented errors, and that
// what was understood is written and understood again. Inputs have no spare
// capacity, so that reading past them cannot go unseen.
func fuzzMessage[B Body](f *testing.F, kind string, parse func([]byte) (B, error)) {
	for _, name := range sampleNames(f, kind) {
		f.Add(sample(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		checkParse(t, slices.Clip(b), parse)
	})
}

func checkParse[B Body](t *testing.T, msg []byte, parse func([]byte) (B, error)) {
	t.Helper()
	got, err := parse(msg)
	if err != nil {
		if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrBadName) {
			t.Fatalf("parse = %v", err)
		}
		return
	}
	again := AppendMessage(nil, Header{}, got)
	if back, err := parse(slices.Clip(again)); err != nil || !reflect.DeepEqual(back, got) {
		t.Fatalf("parse of what was written again = %+v, %v, want %+v", back, err, got)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x03abc"), 0)
	f.Add([]byte("\x00\x01\x00\x00"), 100)
	f.Add([]byte("\x85\x00\x00\x00"), 5000)
	f.Fuzz(func(t *testing.T, b []byte, room int) {
		const limit = 1 << 16
		buf := make([]byte, 0, max(0, min(room, limit)))
		var hdr [FrameHeaderSize]byte
		got, err := ReadFrame(bytes.NewReader(b), &hdr, buf, limit)
		switch {
		case err == nil:
			if len(got) > limit || !bytes.Equal(got, b[FrameHeaderSize:][:len(got)]) {
				t.Fatalf("ReadFrame = %d bytes that were not sent", len(got))
			}
		case !errors.Is(err, ErrFrameTooLarge) && !errors.Is(err, ErrFrameType) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			t.Fatalf("ReadFrame = %v", err)
		}
	})
}

func FuzzHeader(f *testing.F) {
	for _, name := range sampleNames(f, "echo") {
		f.Add(sample(f, name))
	}
	f.Add(sample(f, "error-response-pending"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(slices.Clip(b))
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("ParseHeader = %v", err)
			}
			return
		}
		if back, err := ParseHeader(h.Append(nil)); err != nil || back != h {
			t.Fatalf("ParseHeader of what was written again = %+v, %v, want %+v", back, err, h)
		}
	})
}

// FuzzCompound splits a frame and reads every operation as both a request and a
// response.
func FuzzCompound(f *testing.F) {
	for _, name := range sampleNames(f, "compound") {
		f.Add(sample(f, name))
	}
	f.Add(sample(f, "negotiate-request-311"))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = slices.Clip(b)
		ops := SplitCompound(b)
		total := 0
		for ops.Next() {
			if len(ops.Message()) < HeaderSize || cap(ops.Message()) != len(ops.Message()) {
				t.Fatalf("operation of %d bytes, capacity %d", len(ops.Message()), cap(ops.Message()))
			}
			total += len(ops.Message())
			for kind, p := range parsers {
				if _, err := p(ops.Message()); err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrBadName) {
					t.Fatalf("%s: %v", kind, err)
				}
			}
		}
		if err := ops.Err(); err == nil && total != len(b) || err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("operations of %d bytes in all from %d, %v", total, len(b), err)
		}
	})
}

// FuzzTransform opens frames under the keys of captured sessions; only the
// captured ones may open.
func FuzzTransform(f *testing.F) {
	var openers []*Opener
	known := map[string]bool{}
	for _, s := range sessions(f, "enc-") {
		o, err := NewOpener(s.cipher, s.clientToServer)
		if err != nil {
			f.Fatal(err)
		}
		openers = append(openers, o)
		for _, frame := range s.rest {
			f.Add(frame.bytes)
			known[string(frame.bytes)] = true
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = slices.Clip(b)
		_, headerErr := ParseTransformHeader(b)
		for _, o := range openers {
			_, err := o.Open(nil, b)
			if err == nil && !known[string(b)] {
				t.Fatalf("a forgery opens: %x", b)
			}
			if err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrDecrypt) {
				t.Fatalf("Open = %v", err)
			}
			if (headerErr != nil) != errors.Is(err, ErrMalformed) {
				t.Fatalf("Open = %v, ParseTransformHeader = %v", err, headerErr)
			}
		}
	})
}

func FuzzSMB1Negotiate(f *testing.F) {
	f.Add(sample(f, "smb1-negotiate"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseSMB1Negotiate(slices.Clip(b))
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("ParseSMB1Negotiate = %v", err)
			}
			return
		}
		if back, err := ParseSMB1Negotiate(AppendSMB1Negotiate(nil, got...)); err != nil || !slices.Equal(back, got) {
			t.Fatalf("ParseSMB1Negotiate of what was written again = %q, %v, want %q", back, err, got)
		}
	})
}

func FuzzValidateNegotiate(f *testing.F) {
	request, err := ParseIoctlRequest(sample(f, "ioctl-request-validate"))
	if err != nil {
		f.Fatal(err)
	}
	response, err := ParseIoctlResponse(sample(f, "ioctl-response-validate"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request.Input)
	f.Add(response.Output)
	f.Fuzz(func(t *testing.T, b []byte) {
		b = slices.Clip(b)
		if q, err := ParseValidateNegotiateRequest(b); err == nil {
			if again := q.Append(nil); !bytes.HasPrefix(b, again) {
				t.Fatalf("written again: %x, want %x", again, b)
			}
		} else if !errors.Is(err, ErrMalformed) {
			t.Fatalf("ParseValidateNegotiateRequest = %v", err)
		}
		if p, err := ParseValidateNegotiateResponse(b); err == nil {
			if again := p.Append(nil); !bytes.HasPrefix(b, again) {
				t.Fatalf("written again: %x, want %x", again, b)
			}
		} else if !errors.Is(err, ErrMalformed) {
			t.Fatalf("ParseValidateNegotiateResponse = %v", err)
		}
	})
}
