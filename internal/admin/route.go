package admin

import (
	"context"
	"net/http"
)

// route is one request that the API answers. The server and the OpenAPI
// description are both made of the table of them, so a route is added by its
// entry in routes or replicaRoutes alone.
type route struct {
	method, path, summary string
	params                []param

	// answer answers a request; gives is any value of its answer's type, from
	// which its schema is made.
	answer func(Daemon, *http.Request) (any, error)
	gives  any
	// fails are the kinds of error that answer may end in, besides those that
	// every route may.
	fails []error
	// change is nil for a route that only reads.
	change *change

	// plain serves a route that answers no JSON of its own, with answer and
	// gives nil; media is what it answers. It returns nil where nothing is to be
	// served.
	plain func(*api) http.Handler
	media string
	// down is what HTTP status 503 means here; "" where it is not used.
	down string
}

// param is what a request says besides its path.
type param struct {
	name     string
	in       place
	kind     kindOfParam
	required bool
	about    string
}

// place is where in a request a parameter stands. One of the query may also
// come in a form in the body of a POST.
type place string

const (
	inQuery place = "query"
	inPath  place = "path"
)

type kindOfParam string

const (
	aString  kindOfParam = "string"
	aNumber  kindOfParam = "integer"
	aBoolean kindOfParam = "boolean"
)

// change says how a route that changes something is recorded.
type change struct {
	action string                     // NOUN.VERB
	object func(*http.Request) string // what is changed
	// state is what is there before and after; nil: nothing before, and after
	// it what the route answers.
	state func(context.Context, Daemon) any
}

// value makes object of a parameter, with others in words of their own: what is
// meant where it is not given.
func value(name, others string) func(*http.Request) string {
	return func(r *http.Request) string {
		if v := r.FormValue(name); v != "" {
			return v
		}
		return others
	}
}

// query, flag, number and segment describe parameters.
func query(name, about string) param {
	return param{name: name, in: inQuery, kind: aString, about: about}
}

func flag(name, about string) param {
	return param{name: name, in: inQuery, kind: aBoolean, about: about}
}

func number(name, about string) param {
	return param{name: name, in: inQuery, kind: aNumber, about: about}
}

func segment(name, about string) param {
	return param{name: name, in: inPath, kind: aString, required: true, about: about}
}

// needed is p as one that must be given.
func needed(p param) param {
	p.required = true
	return p
}
