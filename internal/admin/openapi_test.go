package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dfsd/replication/status"
)

// readDocument is the description as a client has it.
func readDocument(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(OpenAPI(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// checker holds JSON values to the schemas of a document, more strictly than
// JSON Schema does: what is not described may not be there.
type checker struct{ d document }

func (c checker) faults(s *schema, v any, at string) []string {
	if s.Ref != "" {
		name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
		inner, known := c.d.Components.Schemas[name]
		if !known {
			return []string{fmt.Sprintf("%s: %s is not there", at, s.Ref)}
		}
		return c.faults(inner, v, at)
	}
	if s.AnyOf != nil {
		var all []string
		for _, one := range s.AnyOf {
			found := c.faults(one, v, at)
			if found == nil {
				return nil
			}
			all = append(all, found...)
		}
		return all
	}
	if s.Type != nil && !slices.Contains(wordsOf(s.Type), typeOf(v)) {
		return []string{fmt.Sprintf("%s: %v is a %s, want %v", at, v, typeOf(v), s.Type)}
	}
	return c.inside(s, v, at)
}

// wordsOf are the types that a schema allows; an integer is a number too.
func wordsOf(t any) []string {
	var words []string
	switch t := t.(type) {
	case string:
		words = []string{t}
	case []any:
		for _, w := range t {
			words = append(words, w.(string))
		}
	}
	if slices.Contains(words, "number") {
		words = append(words, "integer")
	}
	return words
}

func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "number"
		}
		return "integer"
	case []any:
		return "array"
	}
	return "object"
}

func (c checker) inside(s *schema, v any, at string) (all []string) {
	switch v := v.(type) {
	case string:
		if s.Enum != nil && !slices.Contains(s.Enum, v) {
			all = append(all, fmt.Sprintf("%s: %q is none of %q", at, v, s.Enum))
		}
		if _, err := time.Parse(time.RFC3339Nano, v); s.Format == "date-time" && err != nil {
			all = append(all, fmt.Sprintf("%s: %v", at, err))
		}
	case json.Number:
		if s.Minimum != nil && strings.HasPrefix(v.String(), "-") {
			all = append(all, fmt.Sprintf("%s: %s is below %d", at, v, *s.Minimum))
		}
	case []any:
		for i, item := range v {
			all = append(all, c.faults(s.Items, item, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		for _, key := range s.Required {
			if _, there := v[key]; !there {
				all = append(all, fmt.Sprintf("%s: %s is missing", at, key))
			}
		}
		for key, item := range v {
			of := s.Properties[key]
			if of == nil {
				of = s.Others
			}
			if of == nil && (s.Properties != nil || s.Type == nil) {
				all = append(all, fmt.Sprintf("%s: %s is not described", at, key))
			} else if of != nil {
				all = append(all, c.faults(of, item, at+"."+key)...)
			}
		}
	}
	return all
}

// check holds a real answer to what the document says of it.
func (c checker) check(t *testing.T, o *operation, w *httptest.ResponseRecorder) {
	t.Helper()
	said, known := o.Responses[fmt.Sprint(w.Code)]
	if !known {
		t.Errorf("answered %d %s; the document knows %v", w.Code, w.Body, slices.Sorted(maps.Keys(o.Responses)))
		return
	}
	media, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	content, known := said.Content[media]
	if !known {
		t.Errorf("answered %s, the document says %v", media, slices.Collect(maps.Keys(said.Content)))
		return
	}
	if !strings.HasSuffix(media, "json") {
		return
	}
	var v any
	decoder := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		t.Errorf("answered %q: %v", w.Body, err)
		return
	}
	for _, fault := range c.faults(content.Schema, v, "answer") {
		t.Error(fault)
	}
	if media != problemMedia {
		return
	}
	p := v.(map[string]any)
	if p["status"] != json.Number(fmt.Sprint(w.Code)) || p["title"] != http.StatusText(w.Code) || p["detail"] == "" {
		t.Errorf("problem %v with status %d", p, w.Code)
	}
	if urn := p["type"].(string); !slices.Contains(strings.Split(said.Description[strings.Index(said.Description, ": ")+2:], ", "), urn) {
		t.Errorf("a problem of type %s; the document says %q", urn, said.Description)
	}
}

// goodValues are parameters with which each route answers.
func goodValues(rt route) url.Values {
	q := url.Values{}
	for name, v := range map[string]string{
		"path": `\\files\public\projects`, "client": "10.1.2.3", "ip": "10.1.2.3", "from": "HQ", "to": "London",
		"folder": "branch/projects", "id": "7", "limit": "7", "wait": "true", "member": "fs2", "target": "fs1", "for": "2h",
	} {
		if slices.ContainsFunc(rt.params, func(p param) bool { return p.name == name && p.in == inQuery }) {
			q.Set(name, v)
		}
	}
	return q
}

// ask sends one request of a route to h.
func ask(h http.Handler, rt route, q url.Values) *httptest.ResponseRecorder {
	path := strings.NewReplacer("{name}", "public").Replace(rt.path)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(rt.method, path+"?"+q.Encode(), nil))
	return w
}

// guess sends wrong tokens from a page elsewhere until they are not looked at.
func guess(h http.Handler, rt route) (w *httptest.ResponseRecorder) {
	h = Protect(h, ProtectOptions{Token: "s3cret", Hosts: []string{"example.com"}})
	for range wrongTokens + 1 {
		r := httptest.NewRequest(rt.method, strings.NewReplacer("{name}", "public").Replace(rt.path), nil)
		r.Header.Set("Origin", "http://evil.example")
		r.Header.Set("Authorization", "Bearer x")
		w = httptest.NewRecorder()
		h.ServeHTTP(w, r)
	}
	return w
}

func metricsHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintln(w, "dfsd_x 1")
	})
}

// TestAnswersAreAsDescribed: every route of the table, asked for real, answers
// as the document says, whether it is granted, refused, or fails.
func TestAnswersAreAsDescribed(t *testing.T) {
	c := checker{readDocument(t)}
	full := fullReplicas()
	full.status.Folders[0].Unread = []status.Unread{{Path: "x", Error: "busy", Seconds: math.Pi}}
	empty := &fakeReplicas{status: status.Replication{Folders: []status.Folder{{State: status.Paused}}}, backlog: []status.Backlog{{}}}
	failing := func(err error) Daemon {
		d := &fakeDaemon{picture: testPicture(t), refuse: err, ready: err, replicas: &fakeReplicas{err: err}, targets: emptyTargets()}
		if !errors.Is(err, ErrUnknownFolder) && !errors.Is(err, context.DeadlineExceeded) { // errors that targets never end in
			d.targets.err = err
		}
		return d
	}
	daemons := map[string]Daemon{
		"full": &fakeDaemon{picture: testPicture(t), replicas: full, targets: fullTargets()}, "empty": &fakeDaemon{picture: testPicture(t), replicas: empty, targets: emptyTargets()},
		"no replication": &fakeDaemon{picture: testPicture(t), targets: emptyTargets()}, "unknown folder": failing(ErrUnknownFolder), "refusing": failing(ErrRefused),
		"failing": failing(errors.New("the disk is on fire")), "late": failing(fmt.Errorf("ask fs2: %w", context.DeadlineExceeded)),
	}
	for _, rt := range routes() {
		o := c.d.Paths[rt.path][strings.ToLower(rt.method)]
		if o == nil {
			t.Errorf("the document has no %s %s", rt.method, rt.path)
			continue
		}
		for name, d := range daemons {
			t.Run(rt.method+rt.path+"/"+name, func(t *testing.T) {
				if reloads := rt.tag() == "configuration"; reloads && (name == "late" || name == "unknown folder") || !reloads && name == "refusing" {
					t.Skip("an error that only other routes end in")
				}
				h := Handler(d, metricsHandler(), HandlerOptions{})
				w := ask(h, rt, goodValues(rt))
				c.check(t, o, w)
				if name == "full" && w.Code != http.StatusOK {
					t.Errorf("answered %d %s", w.Code, w.Body)
				}
				for _, p := range rt.params {
					if p.required && p.in == inQuery {
						q := goodValues(rt)
						q.Del(p.name)
						w := ask(h, rt, q)
						c.check(t, o, w)
						if w.Code == http.StatusOK {
							t.Errorf("without %s it is answered", p.name)
						}
					}
				}
				q := goodValues(rt)
				q.Set("reason", "a\nb")
				if w := ask(h, rt, q); rt.change != nil && w.Code != http.StatusBadRequest {
					t.Errorf("a reason of two lines: %d", w.Code)
				}
				strict := Protect(h, ProtectOptions{})
				c.check(t, o, ask(strict, rt, goodValues(rt))) // to the host example.com
				if w := guess(h, rt); w.Code != http.StatusTooManyRequests {
					t.Errorf("after many wrong tokens: %d %s", w.Code, w.Body)
				} else {
					c.check(t, o, w)
				}
			})
		}
	}
}

// TestDocumentIsWhatIsServed: no route lacks in the one or the other.
func TestDocumentIsWhatIsServed(t *testing.T) {
	d := readDocument(t)
	h := Handler(&fakeDaemon{picture: testPicture(t), replicas: fullReplicas()}, metricsHandler(), HandlerOptions{})
	described := 0
	for path, methods := range d.Paths {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, strings.NewReplacer("{name}", "public").Replace(path), nil))
			refused := w.Code == http.StatusMethodNotAllowed || w.Code == http.StatusNotFound && strings.Contains(w.Body.String(), "the API has no")
			if _, said := methods[strings.ToLower(method)]; said == refused {
				t.Errorf("%s %s is described: %v, and answers %d %s", method, path, said, w.Code, w.Body)
			} else if said {
				described++
			} else if w.Header().Get("Content-Type") != problemMedia || w.Header().Get("Allow") == "" {
				t.Errorf("%s %s is refused with %v %s", method, path, w.Header(), w.Body)
			}
		}
	}
	if described != len(routes()) {
		t.Errorf("%d operations are described, %d served", described, len(routes()))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/openapi.json", nil))
	var served, exported any
	if err := errors.Join(json.Unmarshal(w.Body.Bytes(), &served), json.Unmarshal(OpenAPI(), &exported)); err != nil || !reflect.DeepEqual(served, exported) {
		t.Errorf("/v1/openapi.json is not what OpenAPI returns: %v", err)
	}
	if !bytes.Equal(OpenAPI(), OpenAPI()) {
		t.Error("two descriptions differ")
	}
}

// TestDocumentIsWhole: names are there and stand for one thing.
func TestDocumentIsWhole(t *testing.T) {
	d := readDocument(t)
	ids := map[string]bool{}
	for path, methods := range d.Paths {
		for method, o := range methods {
			if ids[o.ID] || o.ID == "" || o.Summary == "" || o.Tags[0] == "" {
				t.Errorf("%s %s: id %q, summary %q, tags %q", method, path, o.ID, o.Summary, o.Tags)
			}
			ids[o.ID] = true
			for _, p := range o.Parameters {
				if p.Description == "" || p.In == inPath != strings.Contains(path, "{"+p.Name+"}") {
					t.Errorf("%s %s: parameter %+v", method, path, p)
				}
			}
			if (method == "post") != (o.Security != nil) {
				t.Errorf("%s %s: security %v", method, path, o.Security)
			}
		}
	}
	if !ids["getNamespacesByName"] || !ids["postReplicationPause"] || !ids["getOpenapiJson"] {
		t.Errorf("ids are %v", slices.Sorted(maps.Keys(ids)))
	}
	for _, rt := range routes() {
		if (rt.plain == nil) == (rt.answer == nil) || (rt.answer == nil) != (rt.gives == nil) || (rt.method == http.MethodPost) != (rt.change != nil) {
			t.Errorf("%s %s: plain, answer, gives and change do not fit", rt.method, rt.path)
		}
	}
}

// TestCheckerSeesAViolation: a check that cannot fail is none.
func TestCheckerSeesAViolation(t *testing.T) {
	s := newShapes()
	root := s.of(reflect.TypeFor[Explanation]())
	state := s.of(reflect.TypeFor[status.Replication]())
	c := checker{document{Components: components{Schemas: s.named}}}
	read := func(text string) (v any) {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	var onWire document
	text, err := json.Marshal(c.d)
	if err := errors.Join(err, json.Unmarshal(text, &onWire)); err != nil {
		t.Fatal(err)
	}
	c.d = onWire
	good := `{"path":"","namespace":"","folder":"","path_consumed":1,"ttl_seconds":1,"failback":true,"client":{"ip":"","site":"","subnet":""},` +
		`"targets":[{"path":"","site":"","cost":null,"priority":"","rank":0,"set":0,"state":"","reason":""}],"excluded":[]}`
	if found := c.faults(root, read(good), "answer"); found != nil {
		t.Errorf("a good answer: %q", found)
	}
	for from, to := range map[string]string{
		`"path":"",`: ``, `"failback":true`: `"failback":1`, `"ttl_seconds":1`: `"ttl_seconds":1.5`, `"excluded":[]`: `"excluded":null`,
		`"cost":null`: `"cost":-1`, `"rank":0`: `"rank":null`, `"set":0`: `"set":0,"more":1`, `"client":{`: `"client":{"x":1,`,
	} {
		bad := strings.Replace(good, from, to, 1)
		if bad == good || c.faults(root, read(bad), "answer") == nil {
			t.Errorf("%s for %s passed", to, from)
		}
	}
	if c.faults(state, read(`{"host":"","folders":[{"state":"tired"}]}`), "answer") == nil {
		t.Error("an unknown state passed")
	}
}
