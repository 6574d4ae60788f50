package report

import (
	"strconv"
	"strings"

	"dfsd/internal/quantity"
)

// phrasesInSentence bounds the sentence that says it all.
const phrasesInSentence = 6

// percent is part of whole, to a tenth where it is small.
func percent(part, whole uint64) string {
	if whole == 0 {
		return "all"
	}
	p := 100 * float64(part) / float64(whole)
	switch {
	case part > 0 && p < 0.1:
		return "less than 0.1 %"
	case p < 10:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(p, 'f', 0, 64) + " %"
}

// phrases collects the parts of a sentence.
type phrases []string

func (p *phrases) when(said bool, text string) {
	if said {
		*p = append(*p, text)
	}
}

func (p phrases) or(text string) string {
	if len(p) == 0 {
		return text
	}
	return strings.Join(p, "; ")
}

// sentence is the whole in one: what is wrong, the worst first, or that
// nothing is.
func (j *judging) sentence() string {
	t, d := &j.tally, &j.f.Directory
	var p phrases
	p.when(j.f.Isolated != nil, "this host reaches no file server")
	p.when(t.dead > 0, of(t.dead, t.folders, "folder")+" without a target")
	p.when(t.halted > 0, of(t.halted, t.replicated, "replicated folder")+" halted")
	p.when(d.Configured && d.At.IsZero(), "sites never read from the directory")
	p.when(t.behind > 0, of(t.behind, t.replicated, "replicated folder")+" behind; oldest change "+quantity.Span(t.oldest))
	p = append(p, t.targetPhrases()...)
	p.when(t.silent > 0, of(t.silent, t.members, "member")+" silent")
	p.when(t.gaps > 0, counted(t.gaps, "connection")+" down")
	p.when(d.Configured && !d.At.IsZero() && (d.Error != "" || !(j.directoryAge() <= directoryOld)), "sites as of "+quantity.Span(j.directoryAge())+" ago")
	p.when(j.f.Config.LastError != "", "the latest configuration refused")
	p.when(t.busy > 0, of(t.busy, t.replicated, "replicated folder")+" in initial sync or recovery")
	p.when(t.paused > 0, of(t.paused, t.replicated, "replicated folder")+" paused")
	if more := len(p) - phrasesInSentence; more > 0 {
		p = append(p[:phrasesInSentence], "and "+counted(more, "further matter"))
	}
	return p.or(j.wellSentence())
}

// wellSentence is for when nothing that the sentence counts is wrong.
func (j *judging) wellSentence() string {
	t := &j.tally
	var p phrases
	p.when(t.folders > 0, counted(t.folders, "folder")+" with "+counted(t.targets, "target"))
	p.when(t.replicated > 0, counted(t.replicated, "replicated folder")+" on "+counted(t.members, "member"))
	if len(p) == 0 {
		return "nothing is served or replicated here"
	}
	text := strings.Join(p, " and ") + ": all well"
	if n := len(j.found); n > 0 {
		text += ", " + counted(n, "thing") + " to note"
	}
	return text
}

// of is such as "2 of 214 folders".
func of(n, all int, noun string) string {
	if n >= all {
		if all == 1 {
			return "the only " + noun
		}
		return "all " + counted(all, noun)
	}
	return quantity.Count(n) + " of " + counted(all, noun)
}

func (t *tally) targetPhrases() phrases {
	var p phrases
	p.when(t.down > 0, counted(t.down, "target")+" down")
	p.when(t.lagging > 0, counted(t.lagging, "target")+" lagging")
	p.when(t.drained > 0, counted(t.drained, "target")+" drained")
	p.when(t.offline > 0, counted(t.offline, "target")+" offline")
	return p
}

// describe is what the line of a subsystem says.
func (j *judging) describe(subsystem string) string {
	switch subsystem {
	case namespaces:
		return j.describeNamespaces()
	case targets:
		return j.tally.targetPhrases().or(counted(j.tally.targets, "target") + " up")
	case replicas:
		return j.describeReplication()
	case network:
		if j.f.Isolated != nil {
			return "every probe fails"
		}
		return counted(j.tally.probed, "target") + " probed"
	case directory:
		return j.describeDirectory()
	case configuration:
		return j.describeConfiguration()
	}
	return j.describeClients()
}

func (j *judging) describeNamespaces() string {
	t := &j.tally
	var p phrases
	p.when(t.dead > 0, of(t.dead, t.folders, "folder")+" without a target")
	p.when(t.stale > 0, of(t.stale, t.folders, "folder")+" with lagging targets only")
	return p.or(counted(len(j.f.Namespaces), "namespace") + ", " + counted(t.folders, "folder"))
}

func (j *judging) describeReplication() string {
	t := &j.tally
	var p phrases
	p.when(t.halted > 0, of(t.halted, t.replicated, "folder")+" halted")
	p.when(t.behind > 0, of(t.behind, t.replicated, "folder")+" behind, oldest change "+quantity.Span(t.oldest))
	p.when(t.silent > 0, of(t.silent, t.members, "member")+" silent")
	p.when(t.gaps > 0, counted(t.gaps, "connection")+" down")
	p.when(t.busy > 0, of(t.busy, t.replicated, "folder")+" in initial sync or recovery")
	p.when(t.paused > 0, of(t.paused, t.replicated, "folder")+" paused")
	p.when(t.unread > 0, counted(t.unread, "unread file"))
	p.when(t.preservedFull > 0, counted(t.preservedFull, "preserved store")+" nearly full")
	p.when(t.unmirrored > 0, of(t.unmirrored, t.replicated, "folder")+" with one member only")
	return p.or(counted(t.replicated, "folder") + " on " + counted(t.members, "member"))
}

// describeDirectory always tells the age of the topology.
func (j *judging) describeDirectory() string {
	d := &j.f.Directory
	size := counted(d.Sites, "site") + ", " + counted(d.Subnets, "subnet") + ", " + counted(d.Links, "link")
	switch {
	case !d.Configured:
		return size + ", from the configuration"
	case d.At.IsZero():
		return "never read" + reasonOf(d.Error)
	}
	text := "topology " + quantity.Span(j.directoryAge()) + " old"
	if d.Server != "" {
		text += ", from " + d.Server
	}
	text += ": " + size
	if d.Error != "" {
		text += "; the latest reading failed: " + d.Error
	}
	return text
}

func (j *judging) describeConfiguration() string {
	c := &j.f.Config
	if c.Loaded.IsZero() {
		return "loaded"
	}
	text := "loaded " + between(c.Loaded, j.now) + " ago"
	if c.File != "" {
		text = c.File + ", " + text
	}
	return text
}

func (j *judging) describeClients() string {
	c := &j.f.Clients
	text := counted(c.Referrals, "referral")
	if c.WithoutSite > 0 {
		text += ", " + quantity.Count(c.WithoutSite) + " (" + percent(c.WithoutSite, c.Referrals) + ") to clients in no known site"
	}
	if c.ByDefault > 0 {
		text += ", " + quantity.Count(c.ByDefault) + " (" + percent(c.ByDefault, c.Referrals) + ") to clients in no subnet, taken to be at " + defaultSite(c)
	}
	return text + "; " + counted(c.Sessions, "session") + " on " + counted(c.Connections, "connection")
}
