package chunk

import (
	"bytes"
	"testing"

	"github.com/zeebo/blake3"
)

func BenchmarkCut(b *testing.B) {
	content := noise(1, 64<<20)
	for _, a := range []Average{4 << 10, 64 << 10, 1 << 20} {
		b.Run(a.String(), func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				for range Split(content, a) {
				}
			}
		})
	}
}

func BenchmarkReadList(b *testing.B) {
	content := noise(1, 64<<20)
	for _, a := range []Average{1 << 10, 4 << 10, 64 << 10, 1 << 20} {
		b.Run(a.String(), func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, err := ReadList(bytes.NewReader(content), a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHash is the bound that the machine sets for one BLAKE3 of the whole.
func BenchmarkHash(b *testing.B) {
	content := noise(1, 64<<20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		blake3.Sum256(content)
	}
}

func BenchmarkDiff(b *testing.B) {
	base := ListOf(noise(1, 8<<20), 4<<10)
	target := ListOf(noise(2, 8<<20), 4<<10)
	target.Chunks = append(target.Chunks[:100], base.Chunks...)
	for b.Loop() {
		Diff(base, target)
	}
}
