package configs

import (
	"fmt"
	"strings"
)

// didYouMean returns the words that suggest the candidate nearest to word, ""
// where none is near.
func didYouMean(word string, candidates []string) string {
	if best, ok := nearest(word, candidates); ok {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return ""
}

// nearest returns the candidate with the fewest typing errors against word. A
// third of its letters may be wrong; in short ones one, but not the only one.
// Failing that, it is one that begins word or that word begins.
func nearest(word string, candidates []string) (best string, ok bool) {
	letters := len([]rune(word))
	least := min(max(letters, 3)/3+1, letters)
	for _, c := range candidates {
		if d := distance(word, c, least); d < least {
			best, least, ok = c, d, true
		}
	}
	if ok {
		return best, true
	}
	for _, c := range candidates {
		if min(len(word), len(c)) >= 3 && (strings.HasPrefix(word, c) || strings.HasPrefix(c, word)) {
			return c, true
		}
	}
	return "", false
}

// distance counts the letters to insert, delete, change or swap with their
// neighbour to make b of a, without case. It gives up at limit.
func distance(a, b string, limit int) int {
	s, t := fold(a), fold(b)
	if len(s)-len(t) >= limit || len(t)-len(s) >= limit {
		return limit
	}
	before, last, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := range s {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range t {
			change := last[j]
			if s[i] != t[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return min(row[len(t)], limit)
}

func fold(s string) []rune { return []rune(strings.ToLower(s)) }
