package event

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"go.uber.org/zap/zapcore"
)

// Event is one that happened.
type Event struct {
	At    time.Time
	ID    ID
	Level string // info, warn, error
	Text  string // the log line's message and fields
}

// maxText is how long the text of an event is kept, in bytes.
const maxText = 500

// Recorder remembers the latest events that pass through the log. It is safe for
// concurrent use, and holds no more than it was made for. Events of one kind take
// at most a quarter of the room, so that many of them do not push out all others.
type Recorder struct {
	size int

	mu     sync.Mutex
	events []Event // the oldest first
}

// NewRecorder makes one for size events.
func NewRecorder(size int) *Recorder { return &Recorder{size: max(size, 4)} }

// Recent returns what is remembered, the latest first.
func (r *Recorder) Recent() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.events)
	slices.Reverse(all)
	return all
}

func (r *Recorder) add(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	alike, first := 0, 0 // events of this kind, and the oldest of them
	for i := len(r.events) - 1; i >= 0; i-- {
		if r.events[i].ID == e.ID {
			alike, first = alike+1, i
		}
	}
	switch {
	case alike >= r.size/4:
		r.events = slices.Delete(r.events, first, first+1)
	case len(r.events) >= r.size:
		r.events = slices.Delete(r.events, 0, 1)
	}
	r.events = append(r.events, e)
}

// Core returns what a logger writes to beside its output, so that r hears of its
// events, whatever the level that is shown.
func (r *Recorder) Core() zapcore.Core { return &core{recorder: r} }

// key is the field that ID.Field sets.
const key = "event_id"

// core is a zapcore.Core that keeps lines with an event alone.
type core struct {
	recorder *Recorder
	fields   []zapcore.Field
}

func (c *core) Enabled(l zapcore.Level) bool { return l >= zapcore.InfoLevel }

func (c *core) With(fields []zapcore.Field) zapcore.Core {
	return &core{c.recorder, slices.Concat(c.fields, fields)}
}

func (c *core) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return to.AddCore(e, c)
	}
	return to
}

func (c *core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	isEvent := func(f zapcore.Field) bool { return f.Key == key }
	if !slices.ContainsFunc(fields, isEvent) {
		return nil
	}
	values := zapcore.NewMapObjectEncoder()
	for _, f := range slices.Concat(c.fields, fields) {
		f.AddTo(values)
	}
	id, _ := values.Fields[key].(string)
	delete(values.Fields, key)
	text := strings.Builder{}
	text.WriteString(e.Message)
	for _, name := range slices.Sorted(maps.Keys(values.Fields)) {
		fmt.Fprintf(&text, "; %s: %v", strings.ReplaceAll(name, "_", " "), values.Fields[name])
	}
	c.recorder.add(Event{At: e.Time, ID: ID(id), Level: e.Level.String(), Text: clip(text.String())})
	return nil
}

func (c *core) Sync() error { return nil }

// clip cuts s to maxText at the end of a character.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
