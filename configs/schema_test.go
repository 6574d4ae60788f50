package configs

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestSchemaCommitted: dfsd.schema.json is what Schema returns.
func TestSchemaCommitted(t *testing.T) {
	b, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "dfsd.schema.json", string(b))
}

// TestNotesComplete: every key has a note, and every note has a key.
func TestNotesComplete(t *testing.T) {
	keys := map[string]bool{}
	for _, k := range walkKeys(newLayouts()) {
		keys[k.path] = true
		if n := notes[k.path]; len(n.text) < 10 || !strings.HasSuffix(n.text, ".") {
			t.Errorf("the note on %s is %q, want a sentence", k.path, n.text)
		}
	}
	for path := range notes {
		if !keys[path] {
			t.Errorf("a note on %s, which is no key", path)
		}
	}
	for path := range bounds {
		if !keys[path] {
			t.Errorf("bounds of %s, which is no key", path)
		}
	}
}

// TestNoConsoleIsPromised: admin.listen has none; the word is one of log.format.
func TestNoConsoleIsPromised(t *testing.T) {
	for path, n := range notes {
		if path != "log.format" && strings.Contains(n.text, "console") {
			t.Errorf("the note on %s promises a console: %s", path, n.text)
		}
	}
}

// TestSchemaAcceptsWhatParses: files that load, and what Show writes of them.
func TestSchemaAcceptsWhatParses(t *testing.T) {
	root := schemaTree(t)
	for _, path := range accepted(t) {
		f, err := Loader{Hostname: fixedName}.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{string(b), show(t, f)} {
			if faults := check(root, value(t, text), path); len(faults) > 0 {
				t.Errorf("the schema refuses %s:\n%s", path, strings.Join(faults, "\n"))
			}
		}
	}
}

// TestSchemaRefuses what an editor should underline.
func TestSchemaRefuses(t *testing.T) {
	root := schemaTree(t)
	for _, text := range []string{
		"{}", "version: 2", "version: '1'", "{version: 1, hots: a}", "{version: 1, log: {level: warning}}",
		"{version: 1, namespaces: {}}", "{version: 1, namespaces: [{}]}",
		`{version: 1, namespaces: [{name: a, folders: [{path: a, targets: [{path: //h/s, rank: 32}]}]}]}`,
		`{version: 1, namespaces: [{name: a, folders: [{path: a, targets: [{path: '\h\s'}]}]}]}`,
		"{version: 1, smb: {guest: 'yes'}}", "{version: 1, smb: {limits: {transact: 1MB}}}", "{version: 1, smb: {limits: {idle_timeout: 300}}}",
		"{version: 1, replication: {groups: [{name: a, members: [], folders: [], topology: mesh}]}}",
		"{version: 1, sites: {ldap: {url: dc1}}}",
	} {
		if len(check(root, value(t, text), "")) == 0 {
			t.Errorf("the schema accepts %s", text)
		}
	}
}

// TestRequiredKeys: the keys that the schema requires are those without which
// a file is refused.
func TestRequiredKeys(t *testing.T) {
	const path = "testdata/good-every-key.yaml"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range walkKeys(newLayouts()) {
		if k.path == "sites.ldap.bind.keytab" {
			continue // a bind has either a keytab or a password
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		if !remove(doc.Content[0], k.path) {
			t.Errorf("%s does not hold the key %s", path, k.path)
			continue
		}
		without, err := yaml.Marshal(&doc)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(path, without)
		if notes[k.path].required && err == nil {
			t.Errorf("%s is required, and a file without it is accepted", k.path)
		}
	}
}

// remove takes the key at path out of all mappings that have it.
func remove(n *yaml.Node, path string) bool {
	if rest, ok := strings.CutPrefix(path, "[]."); ok {
		found := false
		for _, element := range n.Content {
			found = remove(element, rest) || found
		}
		return found
	}
	key := path[:len(path)-len(strings.TrimLeft(path, "abcdefghijklmnopqrstuvwxyz0123456789_*"))]
	rest := strings.TrimPrefix(path[len(key):], ".")
	found := false
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value != key && key != "*" {
			continue
		}
		if rest == "" {
			n.Content = slices.Delete(n.Content, i, i+2)
			return true
		}
		found = remove(n.Content[i+1], rest) || found
	}
	return found
}

func schemaTree(t *testing.T) map[string]any {
	t.Helper()
	b, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(b, &root); err != nil {
		t.Fatal(err)
	}
	return root
}

// value reads text as JSON would have it.
func value(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// check validates v by the keywords that Schema uses, and by no others.
func check(s map[string]any, v any, at string) []string {
	var faults []string
	for keyword, want := range s {
		ok := true
		switch keyword {
		case "$schema", "title", "description", "default":
		case "type":
			ok = hasType(v, want.(string))
		case "const":
			ok = reflect.DeepEqual(v, want)
		case "enum":
			ok = slices.ContainsFunc(want.([]any), func(w any) bool { return reflect.DeepEqual(v, w) })
		case "pattern":
			text, isText := v.(string)
			ok = !isText || regexp.MustCompile(want.(string)).MatchString(text)
		case "minimum":
			ok = v.(float64) >= want.(float64)
		case "maximum":
			ok = v.(float64) <= want.(float64)
		case "anyOf":
			ok = slices.ContainsFunc(want.([]any), func(w any) bool { return len(check(w.(map[string]any), v, at)) == 0 })
		case "required":
			m, _ := v.(map[string]any)
			for _, key := range want.([]any) {
				_, given := m[key.(string)]
				ok = ok && given
			}
		case "items", "properties", "additionalProperties":
			faults = append(faults, checkInner(s, v, at, keyword)...)
		default:
			faults = append(faults, "the test does not know the keyword "+keyword)
		}
		if !ok {
			faults = append(faults, fmt.Sprintf("%s: %v does not have %s %v", at, v, keyword, want))
		}
	}
	return faults
}

func checkInner(s map[string]any, v any, at, keyword string) []string {
	var faults []string
	if list, ok := v.([]any); ok && keyword == "items" {
		for i, element := range list {
			faults = append(faults, check(s["items"].(map[string]any), element, fmt.Sprintf("%s[%d]", at, i))...)
		}
	}
	properties, _ := s["properties"].(map[string]any)
	m, _ := v.(map[string]any)
	for key, element := range m {
		inner, known := properties[key].(map[string]any)
		switch others := s["additionalProperties"].(type) {
		case map[string]any:
			inner = others
		case bool:
			if !known && !others && keyword == "additionalProperties" {
				faults = append(faults, fmt.Sprintf("%s: unknown key %s", at, key))
			}
		}
		if inner != nil && keyword == "additionalProperties" {
			faults = append(faults, check(inner, element, at+"."+key)...)
		}
	}
	return faults
}

func hasType(v any, want string) bool {
	switch v := v.(type) {
	case string:
		return want == "string"
	case bool:
		return want == "boolean"
	case float64:
		return want == "integer" && v == float64(int64(v))
	case []any:
		return want == "array"
	case map[string]any:
		return want == "object"
	}
	return false
}
