package install

import (
	"slices"
	"testing"
)

func TestLives(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		if lives, err := f.in.Lives(); err != nil || len(lives) != 0 {
			t.Errorf("a new folder has lives %q, %v", lives, err)
		}
		for _, want := range [][]string{{"a"}, {"a", "b"}, {"b"}} {
			ok(t, f.in.SetLives(want...))
			if lives, err := f.in.Lives(); err != nil || !slices.Equal(lives, want) {
				t.Errorf("lives %q, %v, want %q", lives, err, want)
			}
		}
	})
}
