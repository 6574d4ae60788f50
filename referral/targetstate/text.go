package targetstate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxWhy bounds what probes and members say in a reason, in bytes.
const maxWhy = 300

// behind says how far a backlog is, such as "12 files behind fs1, the oldest by
// 1m20s".
func (b backlog) behind() string {
	files := "1 file"
	if b.files != 1 {
		files = strconv.FormatInt(b.files, 10) + " files"
	}
	text := files + " behind"
	if b.by != "" {
		text += " " + clip(b.by, maxBy)
	}
	if b.files == 1 {
		return text + ", by " + span(b.lag)
	}
	return text + ", the oldest by " + span(b.lag)
}

// span writes a duration as people say it: 45s, 1m20s, 3h5m, 2d4h.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return "less than 1s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return pair(d/time.Minute, "m", d%time.Minute/time.Second, "s")
	case d < 2*day:
		return pair(d/time.Hour, "h", d%time.Hour/time.Minute, "m")
	}
	return pair(d/day, "d", d%day/time.Hour, "h")
}

func pair(a time.Duration, unit string, b time.Duration, small string) string {
	if b == 0 {
		return fmt.Sprintf("%d%s", a, unit)
	}
	return fmt.Sprintf("%d%s%d%s", a, unit, b, small)
}

// stamp writes a time to the minute.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// join puts reasons into one line.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// clip makes a text of others fit for one line of ours: valid, printable, of at
// most so many bytes.
func clip(s string, limit int) string {
	const more = "…"
	if len(s) > 4*limit {
		s = s[:4*limit] // what follows would be cut off in any case
	}
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unprintable(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
	if len(s) <= limit {
		return s
	}
	cut := limit - len(more)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + more
}
