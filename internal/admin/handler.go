package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Daemon is what the API shows and steers. Its methods are safe for concurrent
// use.
type Daemon interface {
	// Picture is the one in force.
	Picture() Picture
	// Configuration says which file is in force.
	Configuration() Configuration
	// Reload reads the configuration file again. An error that wraps ErrRefused
	// says that the old one stays in force.
	Reload(ctx context.Context) error
	// Ready returns nil once clients are served, else why not.
	Ready() error
	// Replicas answers for replication; nil where this host replicates nothing.
	Replicas() Replicas
	// Targets steers the targets of namespaces, and tells how all is.
	Targets() Targets
}

// HandlerOptions are those of a Handler; the zero value works.
type HandlerOptions struct {
	// Audit records every change; nil: nobody does.
	Audit Auditor
}

// maxForm bounds the body of a request, in bytes.
const maxForm = 64 << 10

// Handler serves the routes of the API for d, and /metrics where metrics is not
// nil. It trusts its callers: the unix socket's file mode, or Protect, keeps
// others out. To record who they are on a unix socket it needs SocketContext as
// the server's ConnContext.
func Handler(d Daemon, metrics http.Handler, o HandlerOptions) http.Handler {
	a := &api{daemon: d, metrics: metrics, audit: o.Audit, users: newUserNames(), document: OpenAPI()}
	mux := http.NewServeMux()
	for _, rt := range routes() {
		if h := a.handle(rt); h != nil {
			mux.Handle(rt.method+" "+rt.path, bounded(h))
		}
	}
	return unmatched(mux)
}

// api is what the routes of one Handler share.
type api struct {
	daemon   Daemon
	metrics  http.Handler
	audit    Auditor
	users    *userNames
	document json.RawMessage
}

// handle makes the handler of one route, nil for one that is not served here.
func (a *api) handle(rt route) http.Handler {
	switch {
	case rt.plain != nil:
		return rt.plain(a)
	case rt.change != nil:
		return reply(func(r *http.Request) (any, error) { return a.change(rt, r) })
	}
	return reply(func(r *http.Request) (any, error) { return rt.answer(a.daemon, r) })
}

// bounded keeps a request's body from filling memory or disk.
func bounded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		h.ServeHTTP(w, r)
	})
}

// reply turns an answer or an error into JSON.
func reply(answer func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := answer(r)
		if err != nil {
			writeProblem(w, err)
			return
		}
		body, err := json.Marshal(v)
		if err != nil {
			writeProblem(w, fmt.Errorf("put the answer into JSON: %w", err))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(body, '\n')) // the caller has gone: nobody is left to tell
	})
}

// unmatched is mux, whose own refusals become problems as all others are.
func unmatched(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refusal, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		heard := refused{header: http.Header{}}
		refusal.ServeHTTP(&heard, r)
		err := fmt.Errorf("%w: the API has no %s; /v1/openapi.json lists what there is", ErrNotFound, r.URL.Path)
		if heard.status == http.StatusMethodNotAllowed {
			w.Header()["Allow"] = heard.header["Allow"]
			err = fmt.Errorf("%w: %s on %s", errMethod, r.Method, r.URL.Path)
		}
		writeProblem(w, err)
	})
}

// refused hears how a request is refused, and keeps its text to itself.
type refused struct {
	header http.Header
	status int
}

func (f *refused) Header() http.Header         { return f.header }
func (f *refused) Write(b []byte) (int, error) { return len(b), nil }
func (f *refused) WriteHeader(status int)      { f.status = status }
