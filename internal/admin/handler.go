package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
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
}

// Handler serves the API of d, and /metrics where metrics is not nil. It
// trusts its callers: the unix socket's file mode, or Protect, keeps others out.
func Handler(d Daemon, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	get := func(path string, answer func(*http.Request) (any, error)) {
		mux.Handle("GET "+path, reply(answer))
	}
	get("/v1/configuration", func(*http.Request) (any, error) { return d.Configuration(), nil })
	get("/v1/referral", func(r *http.Request) (any, error) { return explainOver(d, r) })
	get("/v1/site", func(r *http.Request) (any, error) { return siteOver(d, r) })
	get("/v1/sites", func(r *http.Request) (any, error) { return d.Picture().Sites(r.Context()) })
	get("/v1/cost", func(r *http.Request) (any, error) {
		return d.Picture().Cost(r.Context(), r.FormValue("from"), r.FormValue("to"))
	})
	get("/v1/namespaces", func(r *http.Request) (any, error) { return d.Picture().Namespaces(r.Context()) })
	get("/v1/namespaces/{name}", func(r *http.Request) (any, error) {
		return d.Picture().Namespace(r.Context(), r.PathValue("name"))
	})
	mux.Handle("POST /v1/configuration/reload", reply(func(r *http.Request) (any, error) {
		if err := d.Reload(r.Context()); err != nil {
			return nil, err
		}
		return d.Configuration(), nil
	}))
	handleReplicas(mux, d)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { readyz(w, d.Ready()) })
	if metrics != nil {
		mux.Handle("GET /metrics", metrics)
	}
	return mux
}

func explainOver(d Daemon, r *http.Request) (any, error) {
	q := ExplainQuery{Path: r.FormValue("path"), Site: r.FormValue("site")}
	if client := r.FormValue("client"); client != "" || q.Site == "" {
		ip, err := netip.ParseAddr(client)
		if err != nil {
			return nil, fmt.Errorf("%w: client: %q is no IP address", ErrBadRequest, client)
		}
		q.IP = ip
	}
	return d.Picture().Explain(r.Context(), q)
}

func siteOver(d Daemon, r *http.Request) (any, error) {
	ip, err := netip.ParseAddr(r.FormValue("ip"))
	if err != nil {
		return nil, fmt.Errorf("%w: ip: %q is no IP address", ErrBadRequest, r.FormValue("ip"))
	}
	return d.Picture().SiteOf(r.Context(), ip)
}

func readyz(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
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

// Protect guards a Handler that is reached over the network: anybody may read,
// a change needs token as a bearer token, and a browser's page from elsewhere
// may do neither. An empty token allows no change at all.
func Protect(h http.Handler, token string) http.Handler {
	want := sha256.Sum256([]byte("Bearer " + token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		trusted := token != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead && !trusted:
			writeProblem(w, fmt.Errorf("%w: a change over HTTP needs the token of admin.token_file", ErrDenied))
		case r.Header.Get("Origin") != "" && !trusted:
			writeProblem(w, fmt.Errorf("%w: requests of other sites' pages are refused", ErrDenied))
		default:
			h.ServeHTTP(w, r)
		}
	})
}
