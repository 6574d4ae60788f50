package targets

import (
	"strings"
	"time"

	"dfsd/referral/targetstate"
	"dfsd/replication"
	"dfsd/replication/status"
	"dfsd/replication/summary"
)

// folderWords is what the members of one replicated folder say, by the folded
// host of the member that it is about.
type folderWords struct {
	own   map[string]targetstate.Own
	about map[string][]targetstate.Word
	sent  map[string]map[string]targetstate.Word // by speaker, then by whom it sends to
}

// gather sorts what all hosts say, by the folded group/folder.
func gather(hosts []summary.Host, now time.Time) map[string]*folderWords {
	all := map[string]*folderWords{}
	for _, h := range hosts {
		if h.HeardAt.IsZero() {
			continue
		}
		for i := range h.Folders {
			f := &h.Folders[i]
			key := fold(f.Group + "/" + f.Folder)
			words := all[key]
			if words == nil {
				words = &folderWords{map[string]targetstate.Own{}, map[string][]targetstate.Word{}, map[string]map[string]targetstate.Word{}}
				all[key] = words
			}
			words.take(h.Host, f, now.Sub(h.HeardAt))
		}
	}
	for _, words := range all {
		words.relayed()
	}
	return all
}

// relayed takes back what a speaker that is not connected to a member says it
// lacks, where a third member has all that the speaker holds, and the member all
// that the third one does: the speaker cannot know.
func (w *folderWords) relayed() {
	for member, words := range w.about {
		for i, word := range words {
			if !word.Connected && word.Files > 0 && w.through(replication.FoldHost(word.By), member) {
				words[i].Files, words[i].Bytes, words[i].Oldest = 0, 0, 0
			}
		}
	}
}

// through tells whether a third member joins two that are not connected, and
// nothing is on its way.
func (w *folderWords) through(from, to string) bool {
	whole := func(word targetstate.Word, said bool) bool {
		return said && word.Connected && word.Files == 0 && word.Age <= targetstate.StaleAfter
	}
	for via, word := range w.sent[from] {
		if onward, said := w.sent[via][to]; whole(word, true) && whole(onward, said) {
			return true
		}
	}
	return false
}

// take takes in what one host says of one folder.
func (w *folderWords) take(speaker string, f *status.Folder, age time.Duration) {
	own := targetstate.Own{Heard: true, Age: age, State: f.State, Error: f.Error}
	from := replication.FoldHost(speaker)
	for _, c := range f.Connections {
		word := targetstate.Word{
			By: c.From, Age: age, Connected: c.State == status.Connected,
			Files: c.BacklogFiles, Bytes: c.BacklogBytes, Oldest: time.Duration(c.OldestSeconds * float64(time.Second)),
		}
		switch to := replication.FoldHost(c.To); from {
		case replication.FoldHost(c.From):
			w.about[to] = append(w.about[to], word)
			if w.sent[from] == nil {
				w.sent[from] = map[string]targetstate.Word{}
			}
			w.sent[from][to] = word
		case to:
			own.Words = append(own.Words, word)
		}
	}
	w.own[from] = own
}

// lacks returns how many files of what the member from holds the member to
// lacks, false where no fresh word tells.
func (w *folderWords) lacks(from, to string) (int64, bool) {
	if w == nil {
		return 0, false
	}
	from, to = replication.FoldHost(from), replication.FoldHost(to)
	if from == to {
		return 0, true
	}
	own, heard := w.own[from]
	if !heard || own.Age > targetstate.StaleAfter {
		return 0, false
	}
	if word, direct := w.sent[from][to]; direct {
		return word.Files, true
	}
	// No connection joins the two. Whoever the member sends to must have all of
	// it, and the other one all that those have.
	var files int64
	for via, word := range w.sent[from] {
		onward, joined := w.sent[via][to]
		if !joined || onward.Age > targetstate.StaleAfter {
			continue
		}
		if files = word.Files + onward.Files; files == 0 {
			return 0, true
		}
	}
	return files, files > 0
}

// fold brings names to one form: they compare without case.
func fold(name string) string { return strings.ToLower(name) }
