package namespace

import "testing"

// TestTargetIndex: the targets of all links have the numbers below NumTargets,
// each one of its own, and equal targets the same.
func TestTargetIndex(t *testing.T) {
	s := newSnapshot(t,
		tree("public", link("a", `\\h\a`, `\\g\a`), plain("b"), link(`b\c`, `\\h\c`)),
		tree("tools", link("a", `\\h\a`)),
	)
	if got := s.NumTargets(); got != 4 {
		t.Fatalf("NumTargets() = %d, want 4", got)
	}
	seen := make([]Target, s.NumTargets())
	for _, r := range s.Roots() {
		for l := range r.Links() {
			for i := range l.NumTargets() {
				target := l.Target(i)
				at := target.Index()
				if at < 0 || at >= len(seen) || seen[at] != (Target{}) {
					t.Fatalf("Index() of %s in %s = %d, want a number of its own below %d", target.Path(), l.Path(), at, len(seen))
				}
				if seen[at] = target; l.Target(i).Index() != at {
					t.Errorf("Index() of %s is not the same twice", target.Path())
				}
			}
		}
	}
	if got := newSnapshot(t).NumTargets(); got != 0 {
		t.Errorf("NumTargets() of nothing = %d, want 0", got)
	}
}
