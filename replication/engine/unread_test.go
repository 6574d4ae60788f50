package engine

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"dfsd/replication/survey"
)

// TestUnreads: a path keeps the time since when it cannot be read until a survey
// that looked at it says nothing of it.
func TestUnreads(t *testing.T) {
	busy, denied := errors.New("open"), errors.New("denied")
	var u unreads
	start := time.Unix(1000, 0)
	note := func(after int, areas []survey.Area, later map[string]error) {
		u.note(areas, later, start.Add(time.Duration(after)*time.Second))
	}
	want := func(after int, all int64, lines ...string) {
		t.Helper()
		list, n := u.status(start.Add(time.Duration(after) * time.Second))
		var got []string
		for _, l := range list {
			got = append(got, fmt.Sprint(l.Path, " ", l.Error, " ", l.Seconds))
		}
		if fmt.Sprint(got) != fmt.Sprint(lines) || n != all {
			t.Errorf("after %d s: %q and %d in all, want %q and %d", after, got, n, lines, all)
		}
	}
	want(0, 0)
	note(1, []survey.Area{{Dir: "d"}}, map[string]error{"d/a": busy, "d/b": busy})
	note(3, []survey.Area{{Dir: "e"}}, map[string]error{"e/c": denied})
	want(5, 3, "d/a open 4", "d/b open 4", "e/c denied 2")
	note(5, []survey.Area{{Dir: "d", Name: "a"}}, map[string]error{"d/a": denied})
	want(6, 3, "d/a denied 5", "d/b open 5", "e/c denied 3")
	note(7, []survey.Area{{Dir: "d", Name: "b", Deep: true}}, nil)
	want(8, 2, "d/a denied 7", "e/c denied 5")
	note(9, everything(), nil)
	want(9, 0)
	many := map[string]error{}
	for i := range 3 * shownUnread {
		many[fmt.Sprint("f", i)] = busy
	}
	note(10, everything(), many)
	if list, n := u.status(start); len(list) != shownUnread || n != 3*shownUnread {
		t.Errorf("%d of %d listed", len(list), n)
	}
}
