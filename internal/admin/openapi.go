package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// The OpenAPI 3.1 document, as far as it is used.
type (
	document struct {
		OpenAPI    string                           `json:"openapi"`
		Info       documentInfo                     `json:"info"`
		Servers    []documentServer                 `json:"servers"`
		Paths      map[string]map[string]*operation `json:"paths"`
		Components components                       `json:"components"`
	}
	documentInfo struct {
		Title       string `json:"title"`
		Version     string `json:"version"`
		Description string `json:"description"`
	}
	documentServer struct {
		URL         string `json:"url"`
		Description string `json:"description"`
	}
	components struct {
		Schemas  map[string]*schema        `json:"schemas"`
		Security map[string]securityScheme `json:"securitySchemes"`
	}
	securityScheme struct {
		Type        string `json:"type"`
		Scheme      string `json:"scheme"`
		Description string `json:"description"`
	}
	operation struct {
		ID         string                `json:"operationId"`
		Summary    string                `json:"summary"`
		Tags       []string              `json:"tags"`
		Parameters []parameter           `json:"parameters,omitempty"`
		Responses  map[string]*response  `json:"responses"`
		Security   []map[string][]string `json:"security,omitempty"`
	}
	parameter struct {
		Name        string  `json:"name"`
		In          place   `json:"in"`
		Required    bool    `json:"required,omitempty"`
		Description string  `json:"description,omitempty"`
		Schema      *schema `json:"schema"`
	}
	response struct {
		Description string               `json:"description"`
		Content     map[string]mediaType `json:"content,omitempty"`
	}
	mediaType struct {
		Schema *schema `json:"schema,omitempty"`
	}
)

const (
	jsonMedia    = "application/json"
	problemMedia = "application/problem+json"
	// apiVersion is that of the shapes: paths and fields are added within it,
	// never renamed.
	apiVersion = "1"
	apiAbout   = "Shows and steers one dfsd daemon. It is served on the admin socket with all rights for the socket's owner and root, " +
		"and on admin.listen, where reading is free and a change needs the token. The parameters of a change may stand in the query or " +
		"in a form in the body. Errors are problems as RFC 9457 has them; their type says which kind, and kinds are added, never renamed. " +
		"Fields are added too: a client ignores those that it does not know."
	tokenScheme = "token"
)

// OpenAPI returns the OpenAPI 3.1 description of the API, indented, with a
// newline at its end: byte for byte the same at each call.
func OpenAPI() []byte {
	var out bytes.Buffer
	w := json.NewEncoder(&out)
	w.SetEscapeHTML(false)
	w.SetIndent("", "  ")
	if err := w.Encode(describe(routes())); err != nil {
		panic(fmt.Sprintf("the table of routes cannot be put into JSON: %v", err)) // strings and lists always can
	}
	return out.Bytes()
}

func describe(all []route) document {
	s := newShapes()
	d := document{
		OpenAPI: "3.1.0",
		Info:    documentInfo{Title: "dfsd", Version: apiVersion, Description: apiAbout},
		Servers: []documentServer{{URL: "http://127.0.0.1:8420", Description: "admin.listen; over the admin socket any host does"}},
		Paths:   map[string]map[string]*operation{},
	}
	for _, rt := range all {
		if d.Paths[rt.path] == nil {
			d.Paths[rt.path] = map[string]*operation{}
		}
		d.Paths[rt.path][strings.ToLower(rt.method)] = rt.operation(s)
	}
	d.Components = components{
		Schemas: s.named,
		Security: map[string]securityScheme{
			tokenScheme: {Type: "http", Scheme: "bearer", Description: "What admin.token_file holds; the admin socket needs none"},
		},
	}
	return d
}

// operation describes one route.
func (rt route) operation(s *shapes) *operation {
	o := &operation{ID: rt.id(), Summary: rt.summary, Tags: []string{rt.tag()}, Responses: map[string]*response{"200": rt.success(s)}}
	for _, p := range rt.params {
		o.Parameters = append(o.Parameters, parameter{p.name, p.in, p.required, p.about, &schema{Type: string(p.kind)}})
	}
	if rt.change != nil {
		o.Parameters = append(o.Parameters, parameter{
			Name: reasonParam, In: inQuery, Description: "why this is done, for the audit log",
			Schema: &schema{Type: string(aString), MaxLength: MaxReason},
		})
		o.Security = []map[string][]string{{tokenScheme: {}}, {}}
	}
	if rt.down != "" {
		o.Responses[strconv.Itoa(http.StatusServiceUnavailable)] = &response{Description: rt.down, Content: map[string]mediaType{rt.media: {Schema: &schema{Type: "string"}}}}
	}
	for status, types := range rt.problems() {
		o.Responses[strconv.Itoa(status)] = problemResponse(s, http.StatusText(status), types)
	}
	return o
}

// success describes the answer to a request that is granted.
func (rt route) success(s *shapes) *response {
	content := mediaType{Schema: &schema{Type: "string"}}
	media := rt.media
	switch {
	case rt.plain == nil:
		media, content.Schema = jsonMedia, s.of(reflect.TypeOf(rt.gives))
	case media == jsonMedia:
		content.Schema = &schema{Type: "object"}
	}
	return &response{Description: "Granted", Content: map[string]mediaType{media: content}}
}

// problems are the types of problem that a route may answer, by HTTP status.
func (rt route) problems() map[int][]string {
	fails := append([]error{ErrDenied}, rt.fails...) // to a host of another name, or a page from elsewhere
	fails = append(fails, ErrTooMany)
	if rt.change != nil {
		fails = append(fails, ErrBadRequest, ErrAudit) // of the reason
	}
	by := map[int][]string{http.StatusInternalServerError: {internalURN}}
	for _, k := range kinds() {
		if slices.ContainsFunc(fails, func(err error) bool { return errors.Is(err, k.err) }) && !slices.Contains(by[k.status], k.urn) {
			by[k.status] = append(by[k.status], k.urn)
		}
	}
	return by
}

func problemResponse(s *shapes, status string, types []string) *response {
	s.of(reflect.TypeFor[problem]())
	slices.Sort(types)
	return &response{
		Description: status + ": " + strings.Join(types, ", "),
		Content:     map[string]mediaType{problemMedia: {Schema: &schema{Ref: "#/components/schemas/Problem"}}},
	}
}

// id names a route for generated clients: getNamespacesByName.
func (rt route) id() string {
	id := strings.ToLower(rt.method)
	for _, part := range rt.parts() {
		if of, isParam := strings.CutPrefix(part, "{"); isParam {
			part = "by-" + strings.TrimSuffix(of, "}")
		}
		for _, word := range strings.FieldsFunc(part, func(c rune) bool { return strings.ContainsRune("-_.", c) }) {
			id += exported(word)
		}
	}
	return id
}

// tag groups a route with others: the first part of its path.
func (rt route) tag() string {
	first, _, _ := strings.Cut(rt.parts()[0], ".")
	return first
}

// parts are those of the path, without the version.
func (rt route) parts() []string {
	return strings.Split(strings.TrimPrefix(strings.TrimPrefix(rt.path, "/v1"), "/"), "/")
}
