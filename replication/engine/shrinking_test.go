package engine

import (
	"testing"
	"time"
)

func TestShrinking(t *testing.T) {
	began := time.Unix(1000, 0)
	for _, tt := range []struct {
		name  string
		files []int64 // a reading each second
		bytes []int64
		want  float64
	}{
		{"nothing owed", []int64{0}, []int64{0}, 0},
		{"one reading", []int64{9}, []int64{9}, -1},
		{"it grows", []int64{5, 6, 7}, []int64{5, 6, 7}, -1},
		{"it stands", []int64{5, 5, 5}, []int64{5, 5, 5}, -1},
		{"files alone", []int64{30, 20, 10}, []int64{0, 0, 0}, 1},
		{"bytes are slower", []int64{30, 20, 10}, []int64{300, 290, 280}, 28},
		{"it was gone in between", []int64{30, 0, 10}, []int64{30, 0, 10}, -1},
		{"only the last seconds count", []int64{100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 90, 80, 70, 60, 50, 40, 30, 20, 10, 10}, make([]int64, 21), 10 * 10. / 90},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s shrinking
			for i := range tt.files {
				at := began.Add(time.Duration(i) * time.Second)
				s.note(at, tt.files[i], tt.bytes[i])
				s.note(at.Add(time.Millisecond), 1, 1) // too soon to count
			}
			n := len(tt.files) - 1
			if got := s.left(tt.files[n], tt.bytes[n]); got < tt.want-0.01 || got > tt.want+0.01 {
				t.Errorf("left = %v, want %v", got, tt.want)
			}
		})
	}
}
