package adsites

import (
	"bufio"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"dfsd/internal/lab/standin"
)

// fakeServer answers searches with what a function says: only what no real
// server can be made to do is asked of it.
type fakeServer struct {
	answer func(search) reply
	bound  func() (code int64) // answers a bind; nil: it is refused
	mu     sync.Mutex
	asked  []search
}

type search struct {
	base, filter string
	attributes   []string
}

// reply is entries, then a result; cut ends the connection before the result.
type reply struct {
	entries []*ldap.Entry
	code    int64
	cut     bool
}

func found(entries ...*ldap.Entry) reply { return reply{entries: entries} }

func object(dn string, attributes ...string) *ldap.Entry {
	values := map[string][]string{}
	for i := 0; i+1 < len(attributes); i += 2 {
		values[attributes[i]] = append(values[attributes[i]], attributes[i+1])
	}
	return ldap.NewEntry(dn, values)
}

// listen serves on a loopback port until the test ends; config nil: plainly.
func (f *fakeServer) listen(t *testing.T, config *tls.Config) string {
	t.Helper()
	return standin.Listen(t, config, f.serve)
}

func (f *fakeServer) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		p, err := ber.ReadPacket(in)
		if err != nil || len(p.Children) < 2 {
			return
		}
		id, op := p.Children[0].Value, p.Children[1]
		switch op.Tag {
		case ldap.ApplicationSearchRequest:
			if !f.search(conn, id, op) {
				return
			}
		case ldap.ApplicationUnbindRequest:
			return
		default:
			code := int64(ldap.LDAPResultInvalidCredentials)
			if f.bound != nil {
				code = f.bound()
			}
			standin.Send(conn, id, done(ldap.ApplicationBindResponse, code))
		}
	}
}

func (f *fakeServer) search(conn net.Conn, id any, op *ber.Packet) bool {
	s := search{base: op.Children[0].Data.String()}
	s.filter, _ = ldap.DecompileFilter(op.Children[6])
	for _, a := range op.Children[7].Children {
		s.attributes = append(s.attributes, a.Data.String())
	}
	f.mu.Lock()
	f.asked = append(f.asked, s)
	r := f.answer(s)
	f.mu.Unlock()
	for _, e := range r.entries {
		standin.Send(conn, id, standin.Entry(e))
	}
	if r.cut {
		return false
	}
	standin.Send(conn, id, done(ldap.ApplicationSearchResultDone, r.code))
	return true
}

// count returns how many searches had a base or filter with text.
func (f *fakeServer) count(text string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, s := range f.asked {
		if strings.Contains(s.base+s.filter, text) {
			n++
		}
	}
	return n
}

func done(tag ber.Tag, code int64) *ber.Packet {
	return standin.Result(tag, code, "the password is s3cret-echo")
}

func writeFile(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
