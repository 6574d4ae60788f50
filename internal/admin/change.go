package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode"
	"unicode/utf8"

	"dfsd/internal/audit"
)

// ErrAudit says that a change was not recorded: it was not made, unless the
// text says that it was.
var ErrAudit = errors.New("audit log cannot be written")

// Auditor records changes; *audit.Log is one. It is safe for concurrent use.
type Auditor interface {
	// Check says whether Append would find the log fit to be written.
	Check(ctx context.Context) error
	// Append records a change that was made, or tried.
	Append(ctx context.Context, e audit.Entry) error
}

// MaxReason is the most characters that the reason of a change has.
const MaxReason = 500

// reasonParam is the parameter that every change has.
const reasonParam = "reason"

// change makes a change and records what came of it. There is one entry for
// each, written afterwards with the result; that there is room for it is proved
// before, so that a log that cannot be written refuses the change. What fails
// between the two is told to the caller, who alone knows then.
func (a *api) change(rt route, r *http.Request) (any, error) {
	reason, err := reasonOf(r)
	if err != nil {
		return nil, err
	}
	who := a.who(r)
	r = r.WithContext(context.WithValue(r.Context(), whoKey{}, who))
	if a.audit == nil {
		return rt.answer(a.daemon, r)
	}
	if err := a.audit.Check(r.Context()); err != nil {
		return nil, fmt.Errorf("%w: nothing was changed: %w", ErrAudit, err)
	}
	e := audit.Entry{
		Who: who, Action: rt.change.action, Object: rt.change.object(r), Reason: reason,
		Before: a.state(rt, r), Result: "the daemon failed in the middle of it",
	}
	recorded := false
	defer func() {
		if !recorded { // answer panics: the server ends this request with that
			_ = a.record(r, e)
		}
	}()
	v, err := rt.answer(a.daemon, r)
	e.Result = ""
	if err != nil {
		e.Result = err.Error()
	}
	if e.After = a.state(rt, r); rt.change.state == nil && err == nil {
		e.After = inJSON(v)
	}
	recorded = true
	if lost := a.record(r, e); lost != nil {
		return nil, lostEntry(lost, err)
	}
	return v, err
}

// record writes an entry also for a caller that has gone meanwhile.
func (a *api) record(r *http.Request, e audit.Entry) error {
	return a.audit.Append(context.WithoutCancel(r.Context()), e)
}

// lostEntry is the error of a change that ended in err and was not recorded.
func lostEntry(lost, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w; the change itself failed: %w", ErrAudit, lost, err)
	}
	return fmt.Errorf("%w: the change was made but not recorded: %w", ErrAudit, lost)
}

// state is what a route's change is about, as it is now.
func (a *api) state(rt route, r *http.Request) json.RawMessage {
	if rt.change.state == nil {
		return nil
	}
	return inJSON(rt.change.state(r.Context(), a.daemon))
}

// inJSON is v for an entry; that it cannot be written so is said in its place.
func inJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		b, _ = json.Marshal(map[string]string{"unknown": err.Error()}) // strings always go
	}
	return b
}

// reasonOf is why the caller asks for a change, in its own words.
func reasonOf(r *http.Request) (string, error) {
	reason := r.FormValue(reasonParam)
	if n := utf8.RuneCountInString(reason); n > MaxReason {
		return "", fmt.Errorf("%w: reason: %d characters, at most %d go", ErrBadRequest, n, MaxReason)
	}
	for _, c := range reason {
		if !unicode.IsPrint(c) || c == utf8.RuneError {
			return "", fmt.Errorf("%w: reason: %U cannot be printed", ErrBadRequest, c)
		}
	}
	return reason, nil
}

// whoKey keeps who asks for a change in its context.
type whoKey struct{}

// askedBy names who asks for the change that r is, as the audit log does: a
// user of this host, or "token"; "" where nobody is known.
func askedBy(r *http.Request) string {
	who, _ := r.Context().Value(whoKey{}).(audit.Who)
	return who.User
}

// reasonKey keeps a reason in a context.
type reasonKey struct{}

// WithReason has the changes that a Client is asked for under ctx carry a
// reason, which is recorded with them.
func WithReason(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, reasonKey{}, reason)
}
