package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
)

// routes is the whole API.
func routes() []route {
	all := append(readingRoutes(), changingRoutes()...)
	all = append(all, replicaRoutes()...)
	all = append(all, targetRoutes()...)
	return append(all, plainRoutes()...)
}

func readingRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/v1/configuration", summary: "Which configuration the daemon runs", gives: Configuration{},
			answer: func(d Daemon, _ *http.Request) (any, error) { return d.Configuration(), nil },
		},
		{
			method: http.MethodGet, path: "/v1/referral", summary: "The referral that a client gets, and why each target stands where it does",
			params: []param{
				needed(query("path", `UNC path, \\host\namespace\folder; slashes do as well`)),
				query("client", "IP address of the client; needed where site is not given"),
				query("site", "site of a client that says where it is"),
			},
			answer: explainOver, gives: Explanation{}, fails: []error{ErrNotFound, ErrBadRequest},
		},
		{
			method: http.MethodGet, path: "/v1/site", summary: "Which subnet and site an address is in",
			params: []param{needed(query("ip", "IP address"))},
			answer: siteOver, gives: SiteAnswer{}, fails: []error{ErrBadRequest},
		},
		{
			method: http.MethodGet, path: "/v1/sites", summary: "Sites, subnets and site links", gives: SiteList{},
			answer: func(d Daemon, r *http.Request) (any, error) { return d.Picture().Sites(r.Context()) },
		},
		{
			method: http.MethodGet, path: "/v1/cost", summary: "The cheapest route between two sites",
			params: []param{needed(query("from", "name of a site")), needed(query("to", "name of a site"))},
			answer: costOver, gives: CostAnswer{}, fails: []error{ErrNotFound, ErrBadRequest},
		},
		{
			method: http.MethodGet, path: "/v1/namespaces", summary: "Every namespace in short", gives: []NamespaceItem{},
			answer: func(d Daemon, r *http.Request) (any, error) { return d.Picture().Namespaces(r.Context()) },
		},
		{
			method: http.MethodGet, path: "/v1/namespaces/{name}", summary: "One namespace with its folders and their targets",
			params: []param{segment("name", `name of a namespace, or \\host\name`)},
			answer: func(d Daemon, r *http.Request) (any, error) {
				return d.Picture().Namespace(r.Context(), r.PathValue("name"))
			},
			gives: NamespaceAnswer{}, fails: []error{ErrNotFound},
		},
	}
}

func changingRoutes() []route {
	return []route{{
		method: http.MethodPost, path: "/v1/configuration/reload", summary: "Reads the configuration file again; a faulty one changes nothing",
		answer: reloadOver, gives: Configuration{}, fails: []error{ErrRefused},
		change: &change{
			action: "configuration.reload", object: func(*http.Request) string { return "configuration" },
			state: func(_ context.Context, d Daemon) any { return d.Configuration() },
		},
	}}
}

// plainRoutes are for machines that watch the daemon, and for those that write
// clients of it.
func plainRoutes() []route {
	const text = "text/plain"
	return []route{
		{
			method: http.MethodGet, path: "/v1/openapi.json", summary: "This description", media: "application/json",
			plain: func(a *api) http.Handler { return reply(func(*http.Request) (any, error) { return a.document, nil }) },
		},
		{
			method: http.MethodGet, path: "/livez", summary: "Whether the daemon lives", media: text,
			plain: func(*api) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
			},
		},
		{
			method: http.MethodGet, path: "/readyz", summary: "Whether the daemon serves clients", media: text, down: "Not yet, or no more; the text says why",
			plain: func(a *api) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { readyz(w, a.daemon.Ready()) })
			},
		},
		{
			method: http.MethodGet, path: "/metrics", summary: "Metrics in Prometheus' text format", media: text,
			plain: func(a *api) http.Handler { return a.metrics },
		},
	}
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

func costOver(d Daemon, r *http.Request) (any, error) {
	for _, name := range []string{"from", "to"} {
		if r.FormValue(name) == "" {
			return nil, fmt.Errorf("%w: %s: want the name of a site", ErrBadRequest, name)
		}
	}
	return d.Picture().Cost(r.Context(), r.FormValue("from"), r.FormValue("to"))
}

func reloadOver(d Daemon, r *http.Request) (any, error) {
	if err := d.Reload(r.Context()); err != nil {
		return nil, err
	}
	return d.Configuration(), nil
}

func readyz(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
