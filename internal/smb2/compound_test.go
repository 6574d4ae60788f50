package smb2

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// split collects the operations of a frame.
func split(frame []byte) ([][]byte, error) {
	var list [][]byte
	ops := SplitCompound(frame)
	for ops.Next() {
		list = append(list, ops.Message())
	}
	return list, ops.Err()
}

func TestSplitCaptured(t *testing.T) {
	commands := []Command{CommandCreate, CommandClose, CommandClose, CommandClose, CommandClose}
	tests := []struct {
		name     string
		statuses []Status
	}{
		{"compound-request", make([]Status, 5)},
		{"compound-response", []Status{0, 0, StatusFileClosed, StatusFileClosed, StatusFileClosed}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			frame := sample(t, tt.name)
			ops := SplitCompound(frame)
			total := 0
			for i := 0; ops.Next(); i++ {
				if i == len(commands) {
					t.Fatalf("more than %d operations", i)
				}
				h := ops.Header()
				if h.Command != commands[i] || h.Status != tt.statuses[i] || h.Flags.Has(FlagRelated) != (i > 0) {
					t.Errorf("operation %d = %s, %s, related %v", i, h.Command, h.Status, h.Flags.Has(FlagRelated))
				}
				if last := i == len(commands)-1; ops.Last() != last {
					t.Errorf("operation %d: Last() = %v, want %v", i, ops.Last(), last)
				}
				total += len(ops.Message())
			}
			if err := ops.Err(); err != nil || total != len(frame) {
				t.Errorf("%d of %d bytes, %v", total, len(frame), err)
			}
		})
	}
}

func TestSplitRefused(t *testing.T) {
	echo := AppendMessage(nil, Header{Command: CommandEcho}, EchoRequest{})
	chain := func(next uint32, rest int) []byte {
		b := bytes.Clone(echo)
		le.PutUint32(b[offNextCommand:], next)
		return append(b, make([]byte, rest)...)
	}
	second := append(LinkNext(bytes.Clone(echo), 0), echo...)
	tests := []struct {
		name  string
		frame []byte
		ops   int
		err   error
	}{
		{"empty frame", nil, 0, ErrMalformed},
		{"short frame", echo[:63:63], 0, ErrMalformed},
		{"other protocol", append([]byte{0xFD}, echo[1:]...), 0, ErrProtocol},
		{"into its own header", chain(56, 100), 0, ErrMisaligned},
		{"onto itself", chain(8, 100), 0, ErrMisaligned},
		{"unaligned", chain(68, 100), 0, ErrMisaligned},
		{"past the end", chain(1<<31, 100), 0, ErrMisaligned},
		{"largest", chain(0xFFFFFFF8, 100), 0, ErrMisaligned},
		{"nothing behind", chain(72, 4), 1, ErrMalformed},
		{"half a header behind", chain(72, 36), 1, ErrMalformed},
		{"no header behind", chain(72, 100), 1, ErrProtocol},
		{"second cut", second[:len(second)-5], 1, ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ops, err := split(tt.frame)
			if len(ops) != tt.ops || !errors.Is(err, tt.err) || !errors.Is(err, ErrMalformed) {
				t.Errorf("%d operations, %v, want %d, %v", len(ops), err, tt.ops, tt.err)
			}
		})
	}
}

// TestCompoundRoundTrip links operations of all lengths and splits them again.
func TestCompoundRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 6).Draw(t, "operations")
		b := AppendFrameHeader(nil)
		var data [][]byte
		for i := range count {
			start := len(b)
			d := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "data")
			data = append(data, d)
			b = AppendMessage(b, Header{Command: CommandWrite, MessageID: uint64(i)}, WriteRequest{Data: d})
			if i < count-1 {
				b = LinkNext(b, start)
			}
		}
		ops, err := split(b[FrameHeaderSize:])
		if err != nil || len(ops) != count {
			t.Fatalf("%d operations, %v, want %d", len(ops), err, count)
		}
		for i, op := range ops {
			q, err := ParseWriteRequest(op)
			if err != nil || !bytes.Equal(q.Data, data[i]) || i < count-1 && len(op)%8 != 0 {
				t.Fatalf("operation %d = %+v, %v, want data %x", i, q, err, data[i])
			}
		}
	})
}

// TestLinkNextClearsPadding demands zeros between operations whatever the
// buffer held before.
func TestLinkNextClearsPadding(t *testing.T) {
	dirty := bytes.Repeat([]byte{0xAA}, 256)
	b := LinkNext(AppendMessage(dirty[:0], Header{}, EchoRequest{}), 0)
	if want := []byte{0, 0, 0, 0}; len(b) != 72 || !bytes.Equal(b[68:], want) {
		t.Errorf("LinkNext = %d bytes with padding %x, want 72 with %x", len(b), b[68:], want)
	}
}
