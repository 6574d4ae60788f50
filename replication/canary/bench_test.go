package canary

import (
	"testing"
	"time"
)

// BenchmarkLook is what a folder of three members costs each second.
func BenchmarkLook(b *testing.B) {
	m := newMember(b, hosts[0])
	for _, host := range hosts {
		m.put(host, note{FileName(host), 1, time.Now()}.append(nil))
	}
	for b.Loop() {
		if err := m.look(time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}
