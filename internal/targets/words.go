package targets

import (
	"fmt"
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
	// unread is how many files each cannot read.
	unread map[string]int64
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
				words = &folderWords{
					own: map[string]targetstate.Own{}, about: map[string][]targetstate.Word{},
					sent: map[string]map[string]targetstate.Word{}, unread: map[string]int64{},
				}
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
	w.own[from], w.unread[from] = own, f.UnreadFiles
}

// lacks returns how many files of what the member from holds the member to
// lacks, by a word of an age, false where no fresh word tells.
func (w *folderWords) lacks(from, to string) (files int64, age time.Duration, known bool) {
	if w == nil {
		return 0, 0, false
	}
	from, to = replication.FoldHost(from), replication.FoldHost(to)
	if from == to {
		return 0, 0, true
	}
	if !w.knows(from) {
		return 0, 0, false
	}
	age = w.own[from].Age
	direct, partners := w.sent[from][to]
	if partners && (direct.Connected || direct.Files == 0) {
		return direct.Files, age, true
	}
	// No connection joins the two, now or ever. Whoever the member sends to must
	// have all of it, and the other one all that those have.
	for via, word := range w.sent[from] {
		onward, joined := w.sent[via][to]
		if !joined || !w.knows(via) {
			continue
		}
		if files = word.Files + onward.Files; files == 0 {
			return 0, max(age, onward.Age), true
		}
	}
	if partners {
		return direct.Files, age, true
	}
	return files, age, files > 0
}

// knows tells whether what a member says of others now is worth anything. One
// whose index is not whole, or not open, owes nobody anything as far as it knows.
func (w *folderWords) knows(member string) bool {
	own, heard := w.own[member]
	return heard && own.Age <= targetstate.StaleAfter && (own.State == status.Normal || own.State == status.Paused)
}

// doubt is why nobody can know what others lack of what a member holds, "" where
// it says so itself.
func (w *folderWords) doubt(member string) string {
	const offline = ": dfsd target offline takes the target out at once"
	if w == nil || !w.own[replication.FoldHost(member)].Heard {
		return "no word of the replication of " + member + offline
	}
	switch own := w.own[replication.FoldHost(member)]; {
	case own.Age > targetstate.StaleAfter:
		return fmt.Sprintf("no word of the replication of %s for %v", member, own.Age.Truncate(time.Second)) + offline
	case own.State == status.Failed:
		return "the replication of " + member + " is halted: " + own.Error
	case own.State == status.InitialSync:
		return "the initial sync of " + member + " is not done"
	case own.State == status.Recovering:
		return member + " is rebuilding its index"
	}
	return ""
}

// unreadBy is how many files a member cannot read.
func (w *folderWords) unreadBy(member string) int64 {
	if w == nil {
		return 0
	}
	return w.unread[replication.FoldHost(member)]
}

// fold brings names to one form: they compare without case.
func fold(name string) string { return strings.ToLower(name) }
