package peer

import (
	"context"
	"testing"

	"dfsd/replication"
	"dfsd/replication/wire"
)

// BenchmarkBulk streams ranges over the loopback; both ends share the CPUs.
func BenchmarkBulk(b *testing.B) {
	piece := make([]byte, 512<<10)
	dialled, _ := pair(b, handler{}, handler{answer: func(_ context.Context, _ wire.Lane, m wire.Message, part func(wire.Message) error) (wire.Message, error) {
		for n := range m.(wire.WantRange).Length {
			if err := part(wire.Data{Offset: n, Bytes: piece}); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}})
	b.SetBytes(int64(len(piece)))
	b.ResetTimer()
	defer processorTime(b, len(piece))()
	if err := dialled.Stream(b.Context(), wire.Bulk, wire.WantRange{Length: int64(b.N)}, func(wire.Message) error { return nil }); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPacks streams files of 4 KiB, of which half is noise, in packs of
// 256.
func BenchmarkPacks(b *testing.B) {
	const files = 256
	pack := wire.Pack{Files: make([]wire.Packed, files)}
	state := uint32(1)
	for i := range pack.Files {
		data := make([]byte, 4096)
		for j := range data[:2048] {
			state = state*1664525 + 1013904223
			data[j] = byte(state >> 24)
		}
		pack.Files[i] = wire.Packed{ID: replication.FileID{1, byte(i)}, Hash: replication.Hash{byte(i)}, Data: data}
	}
	dialled, _ := pair(b, handler{}, handler{answer: func(_ context.Context, _ wire.Lane, m wire.Message, part func(wire.Message) error) (wire.Message, error) {
		for range m.(wire.WantRange).Length {
			if err := part(pack); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}})
	b.SetBytes(files * 4096)
	b.ResetTimer()
	defer processorTime(b, files*4096)()
	if err := dialled.Stream(b.Context(), wire.Small, wire.WantRange{Length: int64(b.N)}, func(wire.Message) error { return nil }); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(files*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

// BenchmarkCall asks and answers on the control lane.
func BenchmarkCall(b *testing.B) {
	dialled, _ := pair(b, handler{}, handler{answer: func(context.Context, wire.Lane, wire.Message, func(wire.Message) error) (wire.Message, error) {
		return nil, nil
	}})
	for b.Loop() {
		if _, err := dialled.Call(b.Context(), wire.Control, wire.WantRange{}); err != nil {
			b.Fatal(err)
		}
	}
}
