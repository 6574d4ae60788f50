package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// ErrNotFound says that the thing asked for does not exist: no such namespace,
// folder or site. Its text names the thing.
var ErrNotFound = errors.New("not found")

// ErrBadRequest says that the question itself makes no sense.
var ErrBadRequest = errors.New("bad request")

// ErrRefused says that the daemon read the new configuration and refused it;
// the old one is still in force.
var ErrRefused = errors.New("configuration refused")

// ErrDenied says that the caller may not do this over the way it came by.
var ErrDenied = errors.New("denied")

// ErrTooMany says that the caller's address has sent too many wrong tokens and
// must wait.
var ErrTooMany = errors.New("too many wrong tokens")

// errMethod says that the path is there for another method.
var errMethod = errors.New("method not allowed")

// problem is an error as it travels: RFC 9457, application/problem+json.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// kinds ties each sentinel to its problem type and HTTP status, for both
// directions. Where one kind is another too, the narrower stands first.
func kinds() []kind {
	return []kind{
		{ErrAudit, "urn:dfsd:audit", http.StatusInternalServerError},
		{ErrNoReplication, "urn:dfsd:no-replication", http.StatusNotFound},
		{ErrUnknownFolder, "urn:dfsd:unknown-folder", http.StatusNotFound},
		{ErrNotFound, "urn:dfsd:not-found", http.StatusNotFound},
		{ErrBadRequest, "urn:dfsd:bad-request", http.StatusBadRequest},
		{ErrRefused, "urn:dfsd:configuration-refused", http.StatusUnprocessableEntity},
		{ErrDenied, "urn:dfsd:denied", http.StatusForbidden},
		{ErrTooMany, "urn:dfsd:too-many-attempts", http.StatusTooManyRequests},
		{errMethod, "urn:dfsd:method-not-allowed", http.StatusMethodNotAllowed},
		{context.DeadlineExceeded, "urn:dfsd:timed-out", http.StatusGatewayTimeout},
	}
}

type kind struct {
	err    error
	urn    string
	status int
}

// internalURN is the type of an error of no kind.
const internalURN = "urn:dfsd:internal"

func writeProblem(w http.ResponseWriter, err error) {
	p := problem{Type: internalURN, Status: http.StatusInternalServerError, Detail: err.Error()}
	for _, k := range kinds() {
		if errors.Is(err, k.err) {
			p.Type, p.Status = k.urn, k.status
			break
		}
	}
	p.Title = http.StatusText(p.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the caller has gone: nobody is left to tell
}

// remoteError is an error that the daemon reported. It unwraps to the sentinel
// of its kind and shows the daemon's own words.
type remoteError struct {
	kind   error
	detail string
}

func (e *remoteError) Error() string { return e.detail }
func (e *remoteError) Unwrap() error { return e.kind }

// readProblem turns a refused reply into the error it stands for.
func readProblem(status int, body []byte) error {
	var p problem
	if err := json.Unmarshal(body, &p); err != nil || p.Type == "" {
		return fmt.Errorf("daemon answered HTTP %d", status)
	}
	for _, k := range kinds() {
		if p.Type == k.urn {
			return &remoteError{kind: k.err, detail: p.Detail}
		}
	}
	return &remoteError{detail: p.Detail}
}
