package targetstate

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"dfsd/namespace"
)

// Kind is what an administrator decided about a target.
type Kind string

// The kinds of decisions.
const (
	// Drained takes a target out in steps, once others hold what it holds (Drain).
	Drained Kind = "drained"
	// Offline takes a target out at once.
	Offline Kind = "offline"
)

// Decision is what an administrator decided about one target of one folder, or
// about all targets of a host. It is a value; two of equal scope replace each
// other.
type Decision struct {
	Kind Kind
	// Host is the host whose targets the decision is about, all of them; empty
	// where it is about Target alone.
	Host string
	// Path is the folder, \\*\namespace\folder; empty with Host.
	Path string
	// Target is the UNC path of the target; empty with Host.
	Target string
	Reason string    // in the administrator's words; may be empty
	By     string    // who decided
	At     time.Time // when
	Until  time.Time // when it ends by itself; zero: at Store.Clear
	// OldTTL is the longest that clients may keep a referral that they were given
	// before At, as the configuration was then; 0: as it is now.
	OldTTL time.Duration
	// TakenOut is when the target was taken out of referrals; zero: an offline one
	// at At, a drained one not yet. Until then it is given out like any other.
	TakenOut time.Time
	// Finished is when the drain was done; zero: not yet.
	Finished time.Time
}

// Scope is what a decision is about, or with fields left empty, a set of such.
type Scope struct{ Host, Path, Target string }

// Scope returns what d is about.
func (d Decision) Scope() Scope { return Scope{d.Host, d.Path, d.Target} }

// Expired reports whether d has ended by itself.
func (d Decision) Expired(now time.Time) bool { return !d.Until.IsZero() && !now.Before(d.Until) }

// InEffect reports whether d keeps its targets out of referrals, unless it has
// expired: an offline one does at once, a drained one from TakenOut on.
func (d Decision) InEffect() bool { return !d.out().IsZero() }

// out is when the target was taken out, zero while it was not.
func (d Decision) out() time.Time {
	if d.TakenOut.IsZero() && d.Kind == Offline {
		return d.At
	}
	return d.TakenOut
}

// Outranks reports whether d counts rather than other, where both are about one
// target and hold: what keeps the target out of referrals counts rather than what
// does not yet, and of two alike the narrower.
func (d Decision) Outranks(other Decision) bool {
	if d.InEffect() != other.InEffect() {
		return d.InEffect()
	}
	return d.Host == "" && other.Host != ""
}

// Recount returns d with the times that have not come yet made now, and whether
// there were any: the clock was set back since, and nobody can know by how much.
// A drain then waits anew instead of until the clock is where it was.
func (d Decision) Recount(now time.Time) (Decision, bool) {
	late := false
	for _, t := range []*time.Time{&d.At, &d.TakenOut, &d.Finished} {
		if t.After(now.Add(TableDelay)) {
			*t, late = normalTime(now), true
		}
	}
	return d, late
}

// Told returns d, which another host told of, as a Store would keep it; an error
// says why it would not.
func (d Decision) Told() (Decision, error) {
	d = d.normal()
	return d, d.check()
}

// after is d where it takes the place of old: what was reached stays so, and what
// is decided again keeps its reason and its end where it is given none.
func (d Decision) after(old Decision) Decision {
	if d.Kind == old.Kind && d.Reason == "" {
		d.Reason = old.Reason
	}
	if d.Kind == old.Kind && d.Until.IsZero() {
		d.Until = old.Until
	}
	if d.TakenOut.IsZero() {
		d.TakenOut = old.out()
	}
	if d.Kind == Drained && old.Kind == Drained {
		d.At, d.Finished, d.OldTTL = old.At, old.Finished, max(d.OldTTL, old.OldTTL)
	}
	return d
}

// FolderPath returns the path that decisions know a folder by, whatever name of
// this server clients use: \\*\namespace\folder.
func FolderPath(root, folder string) string { return `\\*\` + root + `\` + folder }

// The bounds of a decision's texts, in bytes.
const (
	maxReason = 256
	maxBy     = 256
	maxUNC    = 4096
	maxOldTTL = 10 * 365 * 24 * time.Hour
)

// normal returns d as the store keeps it: paths with backslashes, times in UTC
// and without a monotonic clock.
func (d Decision) normal() Decision {
	d.Path, d.Target = normalFolder(d.Path), strings.ReplaceAll(d.Target, "/", `\`)
	for _, t := range []*time.Time{&d.At, &d.Until, &d.TakenOut, &d.Finished} {
		*t = normalTime(*t)
	}
	return d
}

func normalTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Round(0).UTC()
}

// normalFolder gives every server's path of a folder the one host *.
func normalFolder(path string) string {
	path = strings.ReplaceAll(path, "/", `\`)
	rest, ok := strings.CutPrefix(path, `\\`)
	_, folder, found := strings.Cut(rest, `\`)
	if !ok || !found {
		return path
	}
	return `\\*\` + folder
}

// check returns what forbids a normal decision.
func (d Decision) check() error {
	if d.Kind != Drained && d.Kind != Offline {
		return fmt.Errorf("%q is no decision about a target; it is drained or offline", clip(string(d.Kind), 32))
	}
	return errors.Join(d.Scope().check(), d.checkTexts(), d.checkTimes())
}

func (s Scope) check() error {
	switch {
	case s.Host != "" && (s.Path != "" || s.Target != ""):
		return errors.New("a decision is about all targets of a host or about one target of a folder, not both")
	case s.Host != "":
		return checkHost(s.Host)
	case s.Path == "" || s.Target == "":
		return errors.New("a decision names a host, or a folder and its target")
	}
	return errors.Join(checkFolder(s.Path), checkTarget(s.Target))
}

func checkHost(host string) error {
	if len(host) > maxUNC || strings.ContainsAny(host, `\/`) {
		return fmt.Errorf("%q is no host", clip(host, 64))
	}
	_, err := namespace.ParseUNC(`\\` + host + `\x`)
	return err
}

func checkTarget(target string) error {
	if len(target) > maxUNC {
		return fmt.Errorf("the target %q is longer than %d bytes", clip(target, 64), maxUNC)
	}
	_, err := namespace.ParseUNC(target)
	return err
}

func checkFolder(path string) error {
	if len(path) > maxUNC {
		return fmt.Errorf("the folder %q is longer than %d bytes", clip(path, 64), maxUNC)
	}
	rest, ok := strings.CutPrefix(path, `\\*\`)
	if !ok || !strings.Contains(rest, `\`) {
		return fmt.Errorf(`%q names no folder; it is \\host\namespace\folder`, clip(path, 64))
	}
	_, err := namespace.ParseUNC(`\\x\` + rest)
	return err
}

func (d Decision) checkTexts() error {
	return errors.Join(checkText("reason", d.Reason, maxReason), checkText("name of who decides", d.By, maxBy))
}

// checkText keeps texts that end up on terminals and pages free of what would
// not stay on its line.
func checkText(what, text string, limit int) error {
	switch {
	case len(text) > limit:
		return fmt.Errorf("the %s is longer than %d bytes", what, limit)
	case !utf8.ValidString(text):
		return fmt.Errorf("the %s is not UTF-8", what)
	case strings.ContainsFunc(text, unprintable):
		return fmt.Errorf("the %s holds a control character", what)
	}
	return nil
}

// unprintable tells runes that could forge lines or turn the text around.
func unprintable(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }

func (d Decision) checkTimes() error {
	if d.At.IsZero() {
		return errors.New("a decision without its time")
	}
	for _, t := range []time.Time{d.At, d.Until, d.TakenOut, d.Finished} {
		if y := t.Year(); y < 1 || y > 9999 {
			return fmt.Errorf("the year %d is out of range", y)
		}
	}
	if d.OldTTL < 0 || d.OldTTL > maxOldTTL {
		return fmt.Errorf("a referral cannot be kept for %v", d.OldTTL)
	}
	return nil
}
