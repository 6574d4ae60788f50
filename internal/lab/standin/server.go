// Package standin holds what a test stands a false server on, for faults that a
// real one cannot be made to show: a certificate authority, a port that is
// listened on, and the bytes of LDAP answers. What is answered is the test's.
package standin

import (
	"crypto/tls"
	"net"
	"sync"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// TB is what the room needs of a test. Each testing.TB is one; the room does not
// name that, because what is no test file does not import testing.
type TB interface {
	Helper()
	TempDir() string
	Cleanup(f func())
	Fatal(args ...any)
}

// Listen has serve talk to whoever connects to a loopback port until the test
// ends, and returns its address; config nil: plainly. The connection is closed
// when serve returns, and the test waits for that.
func Listen(t TB, config *tls.Config, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if config != nil {
				conn = tls.Server(conn, config)
			}
			wg.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	return l.Addr().String()
}

// Send answers the request of an id; who is gone does not mind.
func Send(conn net.Conn, id any, op *ber.Packet) { _, _ = conn.Write(Message(id, op)) }

// Message is the bytes that Send sends.
func Message(id any, op *ber.Packet) []byte {
	return constructed(ber.ClassUniversal, ber.TagSequence, ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""), op).Bytes()
}

// Result ends an operation with a code of RFC 4511 and a message.
func Result(tag ber.Tag, code int64, message string) *ber.Packet {
	return constructed(ber.ClassApplication, tag,
		ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""), octets(""), octets(message))
}

// Entry is one that a search found.
func Entry(e *ldap.Entry) *ber.Packet {
	attributes := ber.NewSequence("")
	for _, a := range e.Attributes {
		values := constructed(ber.ClassUniversal, ber.TagSet)
		for _, v := range a.Values {
			values.AppendChild(octets(v))
		}
		attributes.AppendChild(constructed(ber.ClassUniversal, ber.TagSequence, octets(a.Name), values))
	}
	return constructed(ber.ClassApplication, ldap.ApplicationSearchResultEntry, octets(e.DN), attributes)
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func constructed(class ber.Class, tag ber.Tag, parts ...*ber.Packet) *ber.Packet {
	p := ber.Encode(class, ber.TypeConstructed, tag, nil, "")
	for _, part := range parts {
		p.AppendChild(part)
	}
	return p
}
