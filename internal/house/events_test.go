package house

import (
	"os"
	"regexp"
	"testing"
)

// TestEveryEventHasItsChapter: an identifier in a log leads to what it means,
// and no chapter stands for an event that is gone.
func TestEveryEventHasItsChapter(t *testing.T) {
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	chapters := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^### (DFSD-[A-Z]+-[0-9]{4})$`).FindAllStringSubmatch(string(text), -1) {
		if chapters[m[1]] {
			t.Errorf("docs/events.md: two chapters of %s", m[1])
		}
		chapters[m[1]] = true
	}
	used := map[string]bool{}
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		for _, m := range regexp.MustCompile(`"(DFSD-[A-Z]+-[0-9]{4})"`).FindAllStringSubmatch(string(s.text), -1) {
			used[m[1]] = true
			if !chapters[m[1]] {
				t.Errorf("%s: docs/events.md has no chapter of %s", s.path, m[1])
			}
		}
	}
	for id := range chapters {
		if !used[id] {
			t.Errorf("docs/events.md: no such event as %s", id)
		}
	}
}
