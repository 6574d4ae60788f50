package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"gopkg.in/yaml.v3"

	"dfsd/configs"
	"dfsd/internal/admin"
)

// despite finds the daemon of a file that cannot be loaded, because of fault: it
// goes on with what stood there before, and is asked for that. talk is told of it
// once. Where no daemon answers, the error is the fault and that.
func (f *daemonFlags) despite(ctx context.Context, talk io.Writer, fault error) (*admin.Client, error) {
	socket, named := socketDespite(f.path())
	return f.daemonOn(ctx, socket, named, talk, fault)
}

// daemonOn is despite for a socket; one that the file does not name for sure is
// that of this daemon only if it says so itself.
func (f *daemonFlags) daemonOn(ctx context.Context, socket string, named bool, talk io.Writer, fault error) (*admin.Client, error) {
	c := admin.NewClient(socket)
	soon, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	running, err := c.Configuration(soon)
	var refused *configs.Error
	switch {
	case err != nil && !errors.As(fault, &refused):
		return nil, fault // a file that is not there: its name is wrong, most likely
	case err != nil:
		return nil, withHint(errors.Join(fault, &harmlessError{err}), "is `dfsd serve` running? --socket PATH names another admin socket")
	case !named && !sameFile(running.File, f.path()):
		return nil, withHint(fault, "the daemon on %s runs %s; --socket %s asks it all the same", socket, shown(running.File), socket)
	}
	if !f.told {
		f.told = true
		fmt.Fprintf(talk, "note: %s cannot be used, `dfsd config check` says why; the daemon on %s goes on with what it read at %s\n",
			f.path(), socket, shown(running.Loaded))
	}
	return c, nil
}

// sameFile tells whether two paths name one file, which need not be there.
func sameFile(a, b string) bool {
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	if errA == nil && errB == nil && absA == absB {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// maxFaulty bounds what is read of a file that cannot be loaded, in bytes.
const maxFaulty = 64 << 20

// socketDespite is the admin socket of a file that cannot be loaded as a whole.
// Where nothing can be told from the file it is the default, and not named.
func socketDespite(path string) (socket string, named bool) {
	var none configs.Admin
	none.SetDefaults()
	file, err := os.Open(path)
	if err != nil {
		return none.Socket, false
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFaulty))
	if err != nil {
		return none.Socket, false
	}
	if socket, named = socketIn(text, none.Socket); named {
		return socket, true
	}
	// No YAML as a whole, but the section may be whole.
	if section := adminSection(text); section != nil {
		if socket, named = socketIn(section, none.Socket); named {
			return socket, true
		}
	}
	return none.Socket, false
}

// socketIn reads admin.socket, and nothing else, from a text, which may have any
// fault but to be no YAML. A text without it means standard.
func socketIn(text []byte, standard string) (socket string, ok bool) {
	defer func() {
		if recover() != nil { // as the parser does on a few malformed texts
			socket, ok = "", false
		}
	}()
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return "", false
	}
	section := memberOf(doc.Content[0], "admin")
	if section == nil {
		return standard, true
	}
	if section.Kind != yaml.MappingNode {
		return "", false
	}
	value := memberOf(section, "socket")
	if value == nil {
		return standard, true
	}
	return value.Value, value.Kind == yaml.ScalarNode && value.ShortTag() == "!!str" && value.Value != ""
}

// memberOf is the value of a key that a mapping has, nil where it has none.
func memberOf(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value != key {
			continue
		}
		value := mapping.Content[i+1]
		if value.Kind == yaml.AliasNode {
			return value.Alias
		}
		return value
	}
	return nil
}

// adminSection cuts the section `admin` out of a text, by its lines alone.
func adminSection(text []byte) []byte {
	var section []byte
	within := false
	for line := range bytes.Lines(text) {
		if first := line[0]; first != ' ' && first != '\t' && first != '#' && len(bytes.TrimSpace(line)) > 0 {
			within = bytes.HasPrefix(line, []byte("admin:"))
		}
		if within {
			section = append(section, line...)
		}
	}
	return section
}
