package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dfsd/internal/report"
)

// Targets steers the targets of the namespaces of one host, and tells how all
// is. It is safe for concurrent use.
type Targets interface {
	// Drain has clients sent elsewhere, and takes targets out once another
	// target of each folder holds everything. It returns when that was begun.
	Drain(ctx context.Context, c TargetChange) (TargetDecision, error)
	// Offline takes targets out of referrals at once.
	Offline(ctx context.Context, c TargetChange) (TargetDecision, error)
	// Online ends what Drain and Offline began, and returns what it ended.
	Online(ctx context.Context, c TargetChange) ([]TargetDecision, error)
	// Decisions are those that hold, with what they have come to.
	Decisions(ctx context.Context) ([]TargetDecision, error)
	// Health is all that is known of the deployment here.
	Health(ctx context.Context) (report.Facts, error)
}

// TargetChange names targets, and says why they are to change.
type TargetChange struct {
	// Path is a folder, \\host\namespace\folder, and Target its target or the
	// host of it. With an empty Path, Target is a host: all its targets.
	Path, Target string
	Reason, By   string
	For          time.Duration // how long it is to hold; 0: until Online
}

// TargetDecision is what an administrator decided about targets, and what it has
// come to.
type TargetDecision struct {
	Kind    string    `json:"kind"`   // drained or offline
	Host    string    `json:"host"`   // all targets of this host, or ""
	Path    string    `json:"path"`   // \\*\namespace\folder, "" where it is about a host
	Target  string    `json:"target"` // UNC path, "" where it is about a host
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Until   time.Time `json:"until,omitzero"` // when it ends by itself
	Targets int       `json:"targets"`        // that it is about here
	Phase   string    `json:"phase"`          // what it is at
	// TakenOut says that clients are no longer sent there, Done that none can
	// hold an old referral to it either.
	TakenOut   bool     `json:"taken_out"`
	Done       bool     `json:"done"`
	WaitingFor []string `json:"waiting_for"`
	// Free is when the last client has forgotten the target, as far as that is
	// known.
	Free time.Time `json:"free,omitzero"`
	// Connections counts clients that are connected to the target's server and
	// that this host knows of; -1: it cannot know.
	Connections int `json:"connections"`
}

// targetRoutes are those of Targets.
func targetRoutes() []route {
	names := []param{
		query("path", `folder, \\host\namespace\folder; without it, target is a host and all its targets are meant`),
		needed(query("target", "UNC path of the target, or its host")),
	}
	lasting := append(names[:2:2], query("for", "how long it is to hold, such as 2h; without it, until it is ended"))
	changing := func(verb, summary string, params []param, gives any, answer func(Targets, *http.Request, TargetChange) (any, error)) route {
		return route{
			method: http.MethodPost, path: "/v1/targets/" + verb, summary: summary, params: params, gives: gives,
			fails: []error{ErrNotFound, ErrBadRequest},
			answer: func(d Daemon, r *http.Request) (any, error) {
				c, err := targetChange(r)
				if err != nil {
					return nil, err
				}
				return answer(d.Targets(), r, c)
			},
			change: &change{
				action: "target." + verb,
				object: func(r *http.Request) string {
					return strings.TrimSpace(r.FormValue("path") + " " + r.FormValue("target"))
				},
				state: func(ctx context.Context, d Daemon) any { return decisionsOf(ctx, d) },
			},
		}
	}
	return []route{
		changing("drain", "Has clients sent elsewhere, and takes targets out once others hold everything", lasting, TargetDecision{},
			func(t Targets, r *http.Request, c TargetChange) (any, error) { return t.Drain(r.Context(), c) }),
		changing("offline", "Takes targets out of referrals at once", lasting, TargetDecision{},
			func(t Targets, r *http.Request, c TargetChange) (any, error) { return t.Offline(r.Context(), c) }),
		changing("online", "Ends what was decided about targets", names, []TargetDecision{},
			func(t Targets, r *http.Request, c TargetChange) (any, error) {
				ended, err := t.Online(r.Context(), c)
				return listed(ended), err
			}),
		{
			method: http.MethodGet, path: "/v1/targets/decisions", summary: "What was decided about targets, and what it has come to", gives: []TargetDecision{},
			answer: func(d Daemon, r *http.Request) (any, error) {
				all, err := d.Targets().Decisions(r.Context())
				return listed(all), err
			},
		},
		{
			method: http.MethodGet, path: "/v1/health", summary: "All that this host knows of the deployment", gives: report.Facts{},
			answer: func(d Daemon, r *http.Request) (any, error) { return d.Targets().Health(r.Context()) },
		},
		{
			method: http.MethodGet, path: "/v1/status", summary: "What is wrong, worst first, and a line for each part", gives: report.Status{},
			answer: func(d Daemon, r *http.Request) (any, error) {
				facts, err := d.Targets().Health(r.Context())
				if err != nil {
					return nil, err
				}
				return report.Judge(&facts, facts.At), nil
			},
		},
	}
}

func decisionsOf(ctx context.Context, d Daemon) any {
	all, err := d.Targets().Decisions(ctx)
	if err != nil {
		return err.Error()
	}
	return listed(all)
}

// targetChange reads what is to change from a request.
func targetChange(r *http.Request) (TargetChange, error) {
	c := TargetChange{Path: r.FormValue("path"), Target: r.FormValue("target"), Reason: r.FormValue(reasonParam), By: askedBy(r)}
	if c.Target == "" {
		return c, fmt.Errorf("%w: target: want the UNC path of a target, or a host", ErrBadRequest)
	}
	if text := r.FormValue("for"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return c, fmt.Errorf("%w: for: %q is no time to last, such as 2h", ErrBadRequest, text)
		}
		c.For = d
	}
	return c, nil
}

// values are those of a change, as a request carries them.
func (c TargetChange) values() url.Values {
	v := url.Values{"target": {c.Target}}
	if c.Path != "" {
		v.Set("path", c.Path)
	}
	if c.For > 0 {
		v.Set("for", c.For.String())
	}
	if c.Reason != "" {
		v.Set(reasonParam, c.Reason)
	}
	return v
}

// Drain answers as Targets.Drain.
func (c *Client) Drain(ctx context.Context, change TargetChange) (out TargetDecision, err error) {
	err = c.ask(ctx, http.MethodPost, "/v1/targets/drain", change.values(), &out)
	return out, err
}

// Offline answers as Targets.Offline.
func (c *Client) Offline(ctx context.Context, change TargetChange) (out TargetDecision, err error) {
	err = c.ask(ctx, http.MethodPost, "/v1/targets/offline", change.values(), &out)
	return out, err
}

// Online answers as Targets.Online.
func (c *Client) Online(ctx context.Context, change TargetChange) (out []TargetDecision, err error) {
	err = c.ask(ctx, http.MethodPost, "/v1/targets/online", change.values(), &out)
	return out, err
}

// Decisions answers as Targets.Decisions.
func (c *Client) Decisions(ctx context.Context) (out []TargetDecision, err error) {
	err = c.ask(ctx, http.MethodGet, "/v1/targets/decisions", nil, &out)
	return out, err
}

// Health answers as Targets.Health.
func (c *Client) Health(ctx context.Context) (out report.Facts, err error) {
	err = c.ask(ctx, http.MethodGet, "/v1/health", nil, &out)
	return out, err
}
