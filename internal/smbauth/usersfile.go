package smbauth

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

// usersFile is a users file in memory: YAML, one document,
//
//	version: 1
//	users:
//	  alice: 8846f7eaee8fb117ad06bdd830b7586c
//
// where each user's value is his NT hash in hexadecimal. Names and hashes
// count as they are written, whatever else YAML would make of "123" or "null".
// Unknown and duplicate keys, aliases and further documents are refused.
type usersFile struct {
	doc   *yaml.Node // as read, with comments and order
	list  *yaml.Node // the mapping under "users"
	users *Users
}

const (
	usersVersion = "1"
	maxUsersFile = 16 << 20 // bytes; room for some 200,000 users
)

// usersParser collects every fault of one file.
type usersParser struct {
	path   string // for messages
	file   usersFile
	faults []error
}

// parseUsersFile reads b, which stands in the file at path. The error joins
// all faults as path:line:column: message, and never holds a hash.
func parseUsersFile(path string, b []byte) (*usersFile, error) {
	p := usersParser{path: path, file: usersFile{doc: new(yaml.Node), users: &Users{byName: map[string]account{}}}}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(p.file.doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, &faultyFile{fmt.Errorf("%s: %w", path, err)}
	}
	if len(p.file.doc.Content) == 0 {
		return nil, fmt.Errorf("%s: %w; `dfsd user set NAME` writes it", path, ErrEmpty)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, &faultyFile{fmt.Errorf("%s: more than one YAML document", path)}
	}
	p.root(p.file.doc.Content[0])
	if err := errors.Join(p.faults...); err != nil {
		return nil, &faultyFile{err}
	}
	return &p.file, nil
}

// faultyFile is an ErrFaulty that says what is wrong.
type faultyFile struct{ err error }

func (f *faultyFile) Error() string   { return f.err.Error() }
func (f *faultyFile) Unwrap() []error { return []error{ErrFaulty, f.err} }

func (p *usersParser) addf(at *yaml.Node, format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf("%s:%d:%d: %s", p.path, at.Line, at.Column, fmt.Sprintf(format, args...)))
}

func (p *usersParser) root(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		p.addf(n, "want a mapping with the keys version and users")
		return
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if seen[key.Value] {
			p.addf(key, "%s stands twice", key.Value)
			continue
		}
		seen[key.Value] = true
		switch {
		case key.Kind == yaml.ScalarNode && key.Value == "version":
			p.version(value)
		case key.Kind == yaml.ScalarNode && key.Value == "users":
			p.list(value)
		default:
			p.addf(key, "unknown key %q, want version or users", key.Value)
		}
	}
	for _, key := range []string{"version", "users"} {
		if !seen[key] {
			p.addf(n, "%s is missing", key)
		}
	}
}

func (p *usersParser) version(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode || n.Value != usersVersion {
		p.addf(n, "version %q, this program reads version %s", n.Value, usersVersion)
	}
}

func (p *usersParser) list(n *yaml.Node) {
	p.file.list = n
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		*n = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", HeadComment: n.HeadComment, LineComment: n.LineComment, FootComment: n.FootComment}
		return
	}
	if n.Kind != yaml.MappingNode {
		p.addf(n, "users: want a mapping of names to NT hashes")
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		p.user(n.Content[i], n.Content[i+1])
	}
}

func (p *usersParser) user(key, value *yaml.Node) {
	if key.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode {
		p.addf(key, "want a name and an NT hash of 32 hexadecimal digits")
		return
	}
	hash, err := hex.DecodeString(value.Value)
	if err != nil || len(hash) != len(Hash{}) {
		p.addf(value, "user %q: want an NT hash of 32 hexadecimal digits", key.Value)
		return
	}
	if err := p.file.users.add(key.Value, Hash(hash)); err != nil {
		p.addf(key, "%v", err)
	}
}

// newUsersFile is a file without users that goes on from text, which holds
// nothing but comments.
func newUsersFile(path string, text []byte) (*usersFile, error) {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	const begin = "# Written by `dfsd user set`. An NT hash is as good as the password: mode 0600.\nversion: " + usersVersion + "\nusers:\n"
	return parseUsersFile(path, append(text, begin...))
}

// set gives a user a hash. A name that is there already keeps its place and
// its spelling.
func (f *usersFile) set(name string, hash Hash) {
	digits := hex.EncodeToString(hash[:])
	for i := 0; i < len(f.list.Content); i += 2 {
		if foldName(f.list.Content[i].Value) == foldName(name) {
			value := f.list.Content[i+1]
			value.Tag, value.Style, value.Value = "!!str", 0, digits
			return
		}
	}
	f.list.Style = 0 // a flow mapping, such as {}, becomes one of lines
	f.list.Content = append(f.list.Content,
		&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name},
		&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: digits})
}

func (f *usersFile) encode() ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(f.doc); err != nil {
		return nil, err
	}
	return out.Bytes(), enc.Close()
}
