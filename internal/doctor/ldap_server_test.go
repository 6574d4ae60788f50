package doctor

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// authority is a CA of one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	a := &authority{key: newKey(t)}
	a.cert = sign(t, template, template, a.key, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t *testing.T, template, parent *x509.Certificate, k, signer *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &k.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (a *authority) file(t *testing.T) string {
	t.Helper()
	return writeFile(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// issue makes a certificate for hosts that holds now and ends, or has ended.
func (a *authority) issue(t *testing.T, until time.Time, hosts ...string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "dc"}, NotBefore: time.Now().Add(-100 * time.Hour), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	k := newKey(t)
	return sign(t, template, a.cert, k, a.key), k
}

func (a *authority) server(t *testing.T, until time.Time, hosts ...string) *tls.Config {
	t.Helper()
	cert, k := a.issue(t, until, hosts...)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: k}}}
}

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
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
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
			wg.Go(func() { s.serve(conn) })
		}
	})
	return address
}

func (s *standIn) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
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
				send(conn, id, result(ldap.ApplicationExtendedResponse, ldap.LDAPResultProtocolError, ""))
				continue
			}
			send(conn, id, result(ldap.ApplicationExtendedResponse, 0, ""))
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
		send(conn, id, result(ldap.ApplicationBindResponse, 0, ""))
	case s.code != 0:
		send(conn, id, result(ldap.ApplicationBindResponse, s.code, "you sent "+password))
	default:
		send(conn, id, result(ldap.ApplicationBindResponse, ldap.LDAPResultInvalidCredentials, s.refusal+" you sent "+password))
	}
}

func (s *standIn) search(conn net.Conn, id any, op *ber.Packet) {
	filter, _ := ldap.DecompileFilter(op.Children[6])
	where := op.Children[0].Data.String() + " " + filter
	more := packet(id, entry(ldap.NewEntry("CN=x", map[string][]string{"a": {strings.Repeat("x", 60000)}}))).Bytes()
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
				send(conn, id, entry(e))
			}
		}
	}
	send(conn, id, result(ldap.ApplicationSearchResultDone, 0, ""))
}

func packet(id any, op *ber.Packet) *ber.Packet {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	p.AppendChild(op)
	return p
}

func send(conn net.Conn, id any, op *ber.Packet) { _, _ = conn.Write(packet(id, op).Bytes()) }

func result(tag ber.Tag, code int64, message string) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
	p.AppendChild(octets(""))
	p.AppendChild(octets(message))
	return p
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func entry(e *ldap.Entry) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	p.AppendChild(octets(e.DN))
	list := ber.NewSequence("")
	for _, a := range e.Attributes {
		one, values := ber.NewSequence(""), ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range a.Values {
			values.AppendChild(octets(v))
		}
		one.AppendChild(octets(a.Name))
		one.AppendChild(values)
		list.AppendChild(one)
	}
	p.AppendChild(list)
	return p
}
