package targetstate

import (
	"fmt"
	"time"

	"dfsd/referral"
	"dfsd/replication/status"
)

// The bounds that Judge works with.
const (
	// StaleAfter is how old a word may be and still tell how things are.
	StaleAfter = 15 * time.Second
	// SilenceAllowed is how long a member's replication may be unheard of before
	// its target is demoted; a gate that allows a longer lag allows as much.
	SilenceAllowed = 30 * time.Second
	// StartGrace is how long after the start targets stay what they were while
	// nothing was heard of their replication yet.
	StartGrace = 10 * time.Second
	// CaughtUp is the lag at which a target that was demoted returns: under
	// steady change nobody is ever at zero. It never covers what was written
	// before the target came back.
	CaughtUp = 2 * time.Second
)

// Status is what a target counts as, and why, in words for people.
type Status struct {
	State referral.State
	// Reason is why, "" where there is nothing to say. It holds ages, so it may
	// change while State does not.
	Reason string
	// Since is when the target got into State, as far as that is known.
	Since time.Time
	// Unheard means that it is Lagging for no other reason than that nobody was
	// heard of it for long.
	Unheard bool
	// Leaving means that the target is about to be taken out: clients are to ask
	// again soon.
	Leaving bool
}

// Word is what one member says of the content of the target's member M: what M
// lacks of what the speaker holds.
type Word struct {
	By        string        // the speaker
	Age       time.Duration // since it was said
	Connected bool          // the speaker and M were connected then
	Files     int64
	Bytes     int64
	Oldest    time.Duration // age of the oldest change that M lacked, at the time it was said
}

// Own is what M says of itself.
type Own struct {
	Heard bool          // false: never; nothing else counts then
	Age   time.Duration // since it was said
	State status.State
	Error string // why the folder is halted
	// Words are what M knows to lack, each By the member that holds it. None is
	// younger than Age.
	Words []Word
}

// Health is what probes found.
type Health struct {
	Probed bool // the target is probed; nothing else counts where it is not
	Known  bool // there were enough probes to say
	Down   bool
	// Held means that the target would be down, but all probes fail, so that the
	// fault is more likely here than there: the target stays what it was.
	Held  bool
	Since time.Time // since when it is up or down
	Why   string
}

// Inputs is what is known of one target at one time.
type Inputs struct {
	// Member names the replication member M behind the target, in reasons.
	Member  string
	Offline bool // by configuration
	// Decision is the narrowest decision about the target; nil: none. One that
	// is not in effect yet announces itself (Status.Leaving), one that has
	// expired counts for nothing.
	Decision *Decision
	Health   Health
	// Replicated means that the folder replicates, and has another member than M.
	Replicated bool
	MaxLag     time.Duration // the gate; 0: none
	Own        Own
	Words      []Word // of others, one by each; their order does not matter
	// Blind means that no target of the folder is better known, and one is known
	// to be behind: then silence demotes none that is up.
	Blind bool
	// Before is what the target was judged last, or remembered to be at the
	// start; the zero Status: neither.
	Before  Status
	Started time.Time // of this process
}

// Judge returns what the target counts as now. It is pure and keeps nothing of
// in. What comes first, decides: the configuration, the administrator, probes,
// replication.
func Judge(in Inputs, now time.Time) Status {
	j := judge{in: &in, now: now}
	s := j.status()
	s.Since = since(in.Before, s, now)
	return s
}

type judge struct {
	in  *Inputs
	now time.Time
}

// since is when a target got into the state of s, whose own Since is from when
// on the facts say so.
func since(before, s Status, now time.Time) time.Time {
	switch {
	case before.State == s.State && !before.Since.IsZero() && !before.Since.After(now):
		return before.Since
	case s.Since.IsZero() || s.Since.After(now):
		return now
	}
	return s.Since
}

func (j judge) status() Status {
	if j.in.Offline {
		return Status{State: referral.Offline, Reason: "by the configuration; state: online there brings it back"}
	}
	leaving := ""
	if d := j.in.Decision; d != nil && !d.Expired(j.now) {
		if d.InEffect() {
			return decided(d)
		}
		leaving = "is being drained " + d.because()
	}
	s := j.lively()
	if leaving != "" {
		s.Leaving, s.Reason = true, join(leaving, s.Reason)
	}
	return s
}

// decided is the status that a decision in effect gives.
func decided(d *Decision) Status {
	s := Status{State: referral.Drained, Reason: d.because(), Since: d.out()}
	if d.Kind == Offline {
		s.State = referral.Offline
	}
	if d.Until.IsZero() {
		s.Reason += "; dfsd target online brings it back"
	}
	return s
}

// because says who decided d, why, and until when.
func (d *Decision) because() string {
	text := "by " + clip(d.By, maxBy)
	if d.By == "" {
		text = "by an administrator"
	}
	if d.Reason != "" {
		text += " (" + clip(d.Reason, maxReason) + ")"
	}
	if !d.Until.IsZero() {
		text += " until " + stamp(d.Until)
	}
	return text
}

// lively is the status of a target that nobody took out.
func (j judge) lively() Status {
	if s, down := j.down(); down {
		return s
	}
	s := Status{State: referral.Up}
	if j.in.Replicated {
		s = j.replicated()
	}
	if h := j.in.Health; h.Probed && h.Held {
		s.Reason = join(allProbesFail, s.Reason)
	}
	return s
}

const allProbesFail = "all probes fail, so the fault is likely here: state as before"

// down is the status of a target whose probes fail, false where they do not.
func (j judge) down() (Status, bool) {
	h, was := j.in.Health, j.in.Before.State
	s := Status{State: referral.Down, Since: h.Since}
	switch {
	case !h.Probed:
		return Status{}, false
	case h.Held && was != referral.Up && was != referral.Lagging && (h.Down || was == referral.Down):
		s.Reason = allProbesFail
		return s, true
	case h.Held:
		return Status{}, false
	case !h.Known && was == referral.Down:
		s.Reason = "was down before, and is not probed often enough yet to say otherwise"
		return s, true
	case h.Known && h.Down:
		s.Reason = clip(h.Why, maxWhy)
		if s.Reason == "" {
			s.Reason = "fails its probes"
		}
		return s, true
	}
	return Status{}, false
}

// replicated is the status of a target that is not down, by its content.
func (j judge) replicated() Status {
	e := j.evidence()
	reason, unheard := "", false
	switch {
	case j.in.halted(e) != "":
		reason = j.in.halted(e)
	case j.in.MaxLag > 0 && e.lag > j.in.MaxLag:
		reason = fmt.Sprintf("%s; its gate allows %s", e.behind(), span(j.in.MaxLag))
	case e.silent():
		reason = j.silence(e)
		// It fell behind for all we know only where it was well before.
		unheard = reason != "" && e.staleLag <= j.silenceLimit() && (j.in.Before.State == referral.Up || j.in.Before.Unheard)
	}
	if unheard && j.in.Blind && j.in.Before.State == referral.Up {
		return Status{State: referral.Up, Reason: join(j.noteworthy(e), j.in.paused())}
	}
	if reason == "" && j.in.Before.State != referral.Up && !e.caughtUp(j.allowance()) {
		reason = j.returning(e)
	}
	if reason != "" {
		return Status{State: referral.Lagging, Reason: join(reason, j.in.paused()), Unheard: unheard}
	}
	return Status{State: referral.Up, Reason: join(j.noteworthy(e), j.in.paused())}
}

// allowance is how much a target that returns may lag: what it lacks must have
// been written after it came back.
func (j judge) allowance() time.Duration {
	h := j.in.Health
	if !h.Probed || !h.Known || h.Since.IsZero() {
		return CaughtUp
	}
	return min(CaughtUp, age(j.now.Sub(h.Since)))
}

// halted is why the member's own state demotes the target, "" where it does not.
// What a member said of itself holds until it says otherwise; but that it lacks
// content is refuted by those who give it theirs.
func (in *Inputs) halted(e evidence) string {
	if !in.Own.Heard {
		return ""
	}
	refuted := age(in.Own.Age) > StaleAfter && !e.silent() && e.caughtUp(CaughtUp)
	switch in.Own.State {
	case status.Failed:
		if in.Own.Error == "" {
			return "replication halted"
		}
		return "replication halted: " + clip(in.Own.Error, maxWhy)
	case status.InitialSync:
		if !refuted {
			return "the initial sync is not done"
		}
	case status.Recovering:
		if !refuted {
			return "its replication is rebuilding its index"
		}
	}
	return ""
}

func (in *Inputs) paused() string {
	if in.Own.Heard && in.Own.State == status.Paused {
		return "its replication is paused: dfsd replication resume ends that"
	}
	return ""
}

// silence is why a member that nobody hears of demotes the target, "" while it
// does not.
func (j judge) silence(e evidence) string {
	waited := j.now.Sub(j.in.Started)
	if waited >= 0 && waited <= StartGrace {
		return "" // there was no time yet to hear of it
	}
	if !e.contact {
		return fmt.Sprintf("no word of %s replication since the start", j.in.whose())
	}
	limit := j.silenceLimit()
	switch {
	case e.silence > limit:
		return fmt.Sprintf("no word of its replication for %s", span(e.silence))
	case e.staleLag > limit:
		return fmt.Sprintf("%s, when it was heard of last, %s ago", e.stale.behind(), span(e.silence))
	}
	return ""
}

func (j judge) silenceLimit() time.Duration { return max(j.in.MaxLag, SilenceAllowed) }

func (in *Inputs) whose() string {
	if in.Member == "" {
		return "its"
	}
	return clip(in.Member, maxBy) + "'s"
}

// returning says what a target that was demoted still lacks.
func (j judge) returning(e evidence) string {
	start := "is back, "
	if j.in.Before.State == referral.Lagging {
		start = "is catching up, "
	}
	switch {
	case e.files > 0 && !e.joined:
		return start + e.behind() + ", and not connected to it"
	case e.files > 0:
		return start + e.behind()
	case e.said && !e.joined && !e.silent():
		return start + "but its replication is connected to no partner"
	case e.silent():
		return start + "but there is no word of its replication yet"
	}
	return start + "but no member says yet what it lacks"
}

// noteworthy is what people should know of a target that is up.
func (j judge) noteworthy(e evidence) string {
	switch {
	case e.silent() && !e.contact:
		return "no word of its replication yet, state as before"
	case e.silent():
		return fmt.Sprintf("no word of its replication for %s", span(e.silence))
	case e.lag > SilenceAllowed && j.in.MaxLag <= 0:
		return e.behind() + "; its folder has no gate"
	}
	return ""
}
