package canary

import (
	"testing"
	"time"
)

func TestNewer(t *testing.T) {
	last := Arrival{Seq: 10, Written: at(0)}
	for _, c := range []struct {
		name string
		n    note
		now  time.Time
		want bool
	}{
		{"the same", note{seq: 10, written: at(0)}, at(5), false},
		{"the next", note{seq: 11, written: at(60)}, at(65), true},
		{"an older copy", note{seq: 9, written: at(-60)}, at(65), false},
		{"numbers begin anew", note{seq: 1, written: at(60)}, at(65), true},
		{"the writer's clock was set back", note{seq: 11, written: at(-3600)}, at(65), true},
		{"the last one is from the future", note{seq: 1, written: at(-60)}, at(-59), true},
		{"the same from the future", note{seq: 10, written: at(0)}, at(-59), false},
	} {
		if got := newer(c.n, last, c.now); got != c.want {
			t.Errorf("%s: newer = %v, want %v", c.name, got, c.want)
		}
	}
}

func TestArrivedAt(t *testing.T) {
	for _, c := range []struct {
		name   string
		before time.Time
		change time.Time
		want   time.Time
	}{
		{"between the looks", at(0), at(0.25), at(0.25)},
		{"at the second look", at(0), at(1), at(1)},
		{"before the first", at(0), at(-3), at(1)},
		{"later than the second", at(0), at(9), at(1)},
		{"no first look", time.Time{}, at(0.25), at(1)},
		{"the file system does not tell", at(0), time.Unix(0, 0), at(1)},
	} {
		if got := arrivedAt(c.before, c.change.UnixNano(), at(1)); !got.Equal(c.want) {
			t.Errorf("%s: arrivedAt = %s, want %s", c.name, got, c.want)
		}
	}
}
