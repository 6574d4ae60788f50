package targetstate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"dfsd/referral"
)

// Phase is the step that a drain has come to.
type Phase uint8

// The phases, in their order.
const (
	ShortenTTL    Phase = iota // clients are told to ask again soon
	WaitForOthers              // another target of each folder must be up and hold everything
	WaitForTTL                 // taken out; clients may still keep a referral that names it
	WaitForLast                // what clients changed there meanwhile must reach another target
	Emptied                    // no client is sent to it, and nothing is on it alone
	Over                       // the decision expired
)

var phaseNames = [...]string{
	ShortenTTL: "shortening the TTL", WaitForOthers: "waiting for other targets", WaitForTTL: "waiting out the TTL",
	WaitForLast: "waiting for the last changes", Emptied: "drained", Over: "over",
}

func (p Phase) String() string {
	if int(p) >= len(phaseNames) {
		return fmt.Sprintf("phase %d", uint8(p))
	}
	return phaseNames[p]
}

// TableDelay is by how much referrals may lag behind a decision: statuses are
// judged anew within it.
const TableDelay = 2 * time.Second

// DrainTarget is another target of a folder than the drained one.
type DrainTarget struct {
	Path  string         // UNC
	State referral.State // as it is judged
	// Leaving means that it is being drained too (Status.Leaving), so that it
	// cannot take over.
	Leaving bool
	// Known means that a fresh word tells Lacks, or that the target has the
	// drained member behind it, so that Lacks is 0. It counts only where the
	// folder replicates.
	Known bool
	Lacks int64 // files of the drained member's that this target's member lacks
	// Age is how old the word is that tells Lacks.
	Age time.Duration
	// Untried means that probes do not tell whether it is up: State is what it was.
	Untried bool
}

// DrainFolder is a folder that a drained target belongs to.
type DrainFolder struct {
	Path       string        // \\*\namespace\folder
	TTL        time.Duration // as configured
	Short      time.Duration // that of degraded folders; 0: not shortened
	Replicated bool
	// Doubt is why nobody can know what others lack of the drained target, in
	// words; it counts only where no Known of Others is true.
	Doubt string
	// Unread is how many files there cannot be read now, so that nobody has what
	// is in them.
	Unread int64
	// Others are the targets of the folder that the decision is not about, that
	// the configuration has online, and that clients of the drained one may be
	// sent to: with in_site_only, those in its site or of a global class.
	Others []DrainTarget
}

// DrainFacts is what a drain is judged by.
type DrainFacts struct {
	Folders []DrainFolder
	Now     time.Time
}

// DrainPlan is how far a drain has come, and what is to be done.
type DrainPlan struct {
	Phase Phase
	// TakenOut means that the target is out of referrals, or is to be taken out
	// now: Decision.Advance notes it.
	TakenOut bool
	// WaitingFor says in words what keeps the drain from its end, a line for
	// each folder, and at most 21 lines.
	WaitingFor []string
	Done       bool
	// Until is when the last client has forgotten the target, or while it is not
	// taken out, the earliest that this can be. Zero where the drain is over.
	Until time.Time
}

// Drain tells how far the drain that d decides has come. It is pure; what has
// been reached is noted in d (Advance), so that a target that is out stays out
// whatever befalls the others. A decision to take a target offline counts as
// one that took it out at once.
func Drain(d Decision, f DrainFacts) DrainPlan {
	if d.Expired(f.Now) {
		return DrainPlan{Phase: Over, Done: true}
	}
	if d.TakenOut = d.out(); d.TakenOut.IsZero() {
		return d.beforeOut(f)
	}
	return d.afterOut(f)
}

func (d Decision) beforeOut(f DrainFacts) DrainPlan {
	plan := DrainPlan{Phase: ShortenTTL, Until: d.forgotten(f, f.Now)}
	shortened := d.At.Add(TableDelay)
	if f.Now.Before(shortened) {
		plan.WaitingFor = []string{"referrals to carry the short TTL"}
		return plan
	}
	plan.Phase = WaitForOthers
	if len(f.Folders) == 0 {
		plan.WaitingFor = []string{nowhere}
		return plan
	}
	if plan.WaitingFor = f.missing(DrainFolder.missing); len(plan.WaitingFor) > 0 {
		return plan
	}
	d.TakenOut = f.Now
	return d.afterOut(f)
}

func (d Decision) afterOut(f DrainFacts) DrainPlan {
	plan := DrainPlan{Phase: WaitForTTL, TakenOut: true, Until: d.forgotten(f, d.TakenOut)}
	if !d.Finished.IsZero() {
		plan.Phase, plan.Done = Emptied, true
		return plan
	}
	if f.Now.Before(plan.Until) {
		plan.WaitingFor = []string{"clients to forget it, at " + plan.Until.UTC().Format("15:04:05 UTC")}
		return plan
	}
	plan.Phase, plan.WaitingFor = WaitForLast, f.missing(DrainFolder.stillSent)
	switch {
	case len(plan.WaitingFor) > 0 || d.Kind != Drained:
	case len(f.Folders) == 0:
		plan.WaitingFor = []string{nowhere}
	default:
		since := f.Now.Sub(plan.Until)
		plan.WaitingFor = f.missing(func(folder DrainFolder) string { return folder.missingLast(since) })
	}
	if len(plan.WaitingFor) == 0 {
		plan.Phase, plan.Done = Emptied, true
	}
	return plan
}

// nowhere is what a drain waits for that is about no target any more: should a
// reload bring the target back, nothing is known yet of what others lack.
const nowhere = "the configuration has no such target any more; dfsd target online ends the drain"

// forgotten is when no client has a referral any more that names the target, if
// it was taken out at out: those given before d count with the old TTL, those
// between d and out with the short one.
func (d Decision) forgotten(f DrainFacts, out time.Time) time.Time {
	first := d.At
	if out.Before(first) {
		first = out // offline before it was drained
	}
	until := first.Add(d.OldTTL)
	for _, folder := range f.Folders {
		short := folder.TTL
		if folder.Short > 0 {
			short = min(short, folder.Short)
		}
		until = latest(until, first.Add(folder.TTL), out.Add(short))
	}
	return until.Add(TableDelay)
}

func latest(times ...time.Time) time.Time {
	return slices.MaxFunc(times, time.Time.Compare)
}

// Advance returns d with what plan reached noted, and whether that is news to be
// stored (Store.Set).
func (d Decision) Advance(plan DrainPlan, now time.Time) (Decision, bool) {
	news := false
	if plan.TakenOut && d.Kind == Drained && d.TakenOut.IsZero() {
		d.TakenOut, news = now, true
	}
	if plan.Done && plan.Phase == Emptied && d.Finished.IsZero() {
		d.Finished, news = now, true
	}
	return d, news
}

// maxWaiting bounds the lines of DrainPlan.WaitingFor.
const maxWaiting = 20

// missing collects what each folder waits for.
func (f DrainFacts) missing(of func(DrainFolder) string) []string {
	var lines []string
	more := 0
	for _, folder := range f.Folders {
		switch what := of(folder); {
		case what == "":
		case len(lines) < maxWaiting:
			lines = append(lines, clip(folder.Path, maxUNC)+": "+what)
		default:
			more++
		}
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more folders", more))
	}
	return lines
}

// missing is what keeps the target in the folder, "" where nothing does.
func (f DrainFolder) missing() string {
	return f.why(func(t DrainTarget) string {
		switch {
		case t.State != referral.Up:
			return "is " + t.State.String()
		case t.Leaving:
			return "is being drained too"
		case t.Untried:
			return "is not known to be up, probes do not tell yet"
		}
		return f.lacks(t)
	})
}

// stillSent is why referrals of the folder name the target in spite of the
// decision, "" where they do not: they would be empty without it.
func (f DrainFolder) stillSent() string {
	if slices.ContainsFunc(f.Others, func(t DrainTarget) bool { return t.State < referral.Drained }) {
		return ""
	}
	return "clients are sent to it as long as no other target is left; " + endLast
}

// endLast is how the last target of a folder is taken out.
const endLast = "add one, or set state: offline in the configuration"

// missingLast is what the folder has on the drained target alone. What was said
// before the last client had forgotten the target, since ago, does not count: it
// cannot know what clients wrote after it.
func (f DrainFolder) missingLast(since time.Duration) string {
	if f.Replicated && f.Unread == 1 {
		return "1 file there cannot be read; most often a program has it open"
	}
	if f.Replicated && f.Unread > 1 {
		return fmt.Sprintf("%d files there cannot be read; most often programs have them open", f.Unread)
	}
	return f.why(func(t DrainTarget) string {
		t.Known = t.Known && t.Age <= since
		return f.lacks(t)
	})
}

// why is "" where one of the other targets is fit, and else what makes each unfit,
// the nearest to it first.
func (f DrainFolder) why(unfit func(DrainTarget) string) string {
	if len(f.Others) == 0 {
		return "has no other target; " + endLast
	}
	const shown = 3
	var all []string
	for _, t := range slices.SortedStableFunc(slices.Values(f.Others), nearest) {
		what := unfit(t)
		if what == "" {
			return ""
		}
		all = append(all, clip(t.Path, maxUNC)+" "+what)
	}
	if n := len(all) - shown; n > 0 {
		all = append(all[:shown], fmt.Sprintf("and %d more", n))
	}
	if f.Replicated && f.Doubt != "" && !slices.ContainsFunc(f.Others, func(t DrainTarget) bool { return t.Known }) {
		all = append(all, clip(f.Doubt, maxWhy))
	}
	return strings.Join(all, ", ")
}

// nearest orders targets by how little they need to take over.
func nearest(a, b DrainTarget) int {
	return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(unknown(a), unknown(b)), cmp.Compare(a.Lacks, b.Lacks))
}

func unknown(t DrainTarget) int {
	if t.Known {
		return 0
	}
	return 1
}

// lacks says what a target lacks of the drained one, "" where that is nothing.
func (f DrainFolder) lacks(t DrainTarget) string {
	switch {
	case !f.Replicated:
		return ""
	case !t.Known:
		return "is not known to hold everything"
	case t.Lacks == 1:
		return "lacks 1 file"
	case t.Lacks > 0:
		return fmt.Sprintf("lacks %d files", t.Lacks)
	}
	return ""
}
