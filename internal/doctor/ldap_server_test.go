package doctor

import (
	"bufio"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"dfsd/internal/lab/standin"
)

const secret = "S3cret-Pass"

// standIn is a directory server of one test: one account, one bind that it
// takes, and entries by the text of a filter or base.
type standIn struct {
	refusal  string // the message of a refused bind; empty: the secret is taken
	code     int64  // of a refused bind; 0: invalid credentials
	startTLS *tls.Config
	flood    bool // sends without end
	entries  map[string][]*ldap.Entry

	mu    sync.Mutex
	binds []string // the passwords that came
	sent  atomic.Int64
}

// listen serves on a loopback port until the test ends; config nil: plainly.
func (s *standIn) listen(t *testing.T, config *tls.Config) string {
	t.Helper()
	return standin.Listen(t, config, s.serve)
}

func (s *standIn) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		p, err := ber.ReadPacket(in)
		if err != nil || len(p.Children) < 2 {
			return
		}
		id, op := p.Children[0].Value, p.Children[1]
		switch op.Tag {
		case ldap.ApplicationBindRequest:
			s.bind(conn, id, op)
		case ldap.ApplicationSearchRequest:
			s.search(conn, id, op)
		case ldap.ApplicationExtendedRequest:
			if s.startTLS == nil {
				standin.Send(conn, id, standin.Result(ldap.ApplicationExtendedResponse, ldap.LDAPResultProtocolError, ""))
				continue
			}
			standin.Send(conn, id, standin.Result(ldap.ApplicationExtendedResponse, 0, ""))
			conn = tls.Server(conn, s.startTLS)
			in = bufio.NewReader(conn)
		default:
			return
		}
	}
}

func (s *standIn) bind(conn net.Conn, id any, op *ber.Packet) {
	password := op.Children[2].Data.String()
	s.mu.Lock()
	s.binds = append(s.binds, password)
	s.mu.Unlock()
	switch {
	case s.refusal == "" && s.code == 0 && password == secret:
		standin.Send(conn, id, standin.Result(ldap.ApplicationBindResponse, 0, ""))
	case s.code != 0:
		standin.Send(conn, id, standin.Result(ldap.ApplicationBindResponse, s.code, "you sent "+password))
	default:
		standin.Send(conn, id, standin.Result(ldap.ApplicationBindResponse, ldap.LDAPResultInvalidCredentials, s.refusal+" you sent "+password))
	}
}

func (s *standIn) search(conn net.Conn, id any, op *ber.Packet) {
	filter, _ := ldap.DecompileFilter(op.Children[6])
	where := op.Children[0].Data.String() + " " + filter
	more := standin.Message(id, standin.Entry(ldap.NewEntry("CN=x", map[string][]string{"a": {strings.Repeat("x", 60000)}})))
	for s.flood {
		n, err := conn.Write(more)
		s.sent.Add(int64(n))
		if err != nil {
			return
		}
	}
	for part, entries := range s.entries {
		if strings.Contains(where, part) {
			for _, e := range entries {
				standin.Send(conn, id, standin.Entry(e))
			}
		}
	}
	standin.Send(conn, id, standin.Result(ldap.ApplicationSearchResultDone, 0, ""))
}
