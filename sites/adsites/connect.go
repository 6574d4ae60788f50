package adsites

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

const (
	dialTimeout = 5 * time.Second
	// maxFile bounds a file of certificates.
	maxFile = 4 << 20
)

// setting begins the name of every setting in a message.
const setting = "sites.ldap."

// target is one server that may be asked.
type target struct {
	Server
	name string // host:port, for people
}

// targets returns the servers of the configuration, or those found.
func (r *Reader) targets(ctx context.Context) ([]target, error) {
	var found []target
	if len(r.config.URLs) > 0 {
		for _, text := range r.config.URLs {
			u, err := url.Parse(text)
			if err != nil {
				return nil, fmt.Errorf("%surl: %w", setting, err)
			}
			port, _ := strconv.ParseUint(u.Port(), 10, 16) // checked by Validate; none is 0
			found = append(found, newTarget(Server{Host: u.Hostname(), Port: uint16(port)}, r.config.TLS.Mode))
		}
		return found, nil
	}
	if r.options.Locate == nil {
		return nil, errors.New("no url, and nothing that finds the servers of a domain")
	}
	servers, err := r.options.Locate(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the directory servers of %s: %w", r.config.Domain, err)
	}
	for _, s := range servers {
		if r.config.TLS.Mode == LDAPS && (s.Port == 389 || s.Port == 3268) {
			s.Port = map[uint16]uint16{389: 636, 3268: 3269}[s.Port]
		}
		found = append(found, newTarget(s, r.config.TLS.Mode))
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("domain %s has no directory server", r.config.Domain)
	}
	return found, nil
}

func newTarget(s Server, mode TLSMode) target {
	if s.Port == 0 {
		s.Port = map[TLSMode]uint16{LDAPS: 636, StartTLS: 389, Off: 389}[mode]
	}
	return target{s, net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port)))}
}

// connect opens a protected connection on which nobody is bound yet.
func (r *Reader) connect(ctx context.Context, t target) (net.Conn, error) {
	raw, err := r.dial(ctx, t)
	if err != nil {
		return nil, err
	}
	conn, err := r.protect(ctx, raw, t)
	if err != nil {
		_ = raw.Close() // the fault that counts is err
		return nil, err
	}
	return conn, nil
}

func (r *Reader) dial(ctx context.Context, t target) (net.Conn, error) {
	port := strconv.Itoa(int(t.Port))
	addresses := []string{t.name}
	if len(t.Addrs) > 0 {
		addresses = addresses[:0]
		for _, a := range t.Addrs {
			addresses = append(addresses, net.JoinHostPort(a.String(), port))
		}
	}
	var faults dialFaults
	for _, address := range addresses {
		conn, err := r.dialOne(ctx, address)
		if err == nil {
			return conn, nil
		}
		faults = append(faults, err)
	}
	return nil, faults
}

// dialFaults says for each address of one server why it cannot be reached: that
// of the last is often only that this host has no IPv6.
type dialFaults []error

func (f dialFaults) Error() string {
	texts := make([]string, len(f))
	for i, err := range f {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (f dialFaults) Unwrap() []error { return f }

func (r *Reader) dialOne(ctx context.Context, address string) (net.Conn, error) {
	ctx, stop := context.WithTimeout(ctx, dialTimeout)
	defer stop()
	return r.options.Dial(ctx, "tcp", address)
}

// protect starts TLS as the configuration says. It takes no longer than a dial.
func (r *Reader) protect(ctx context.Context, raw net.Conn, t target) (net.Conn, error) {
	if r.config.TLS.Mode == Off {
		return raw, nil
	}
	config, err := r.tlsConfig(t.Host)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeoutCause(ctx, dialTimeout, fmt.Errorf("no answer within %s", dialTimeout))
	defer stop()
	defer context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })()
	if r.config.TLS.Mode == StartTLS {
		if err := askForTLS(raw); err != nil {
			return nil, fmt.Errorf("ask for TLS: %w", cmp.Or(context.Cause(ctx), err))
		}
	}
	secure := tls.Client(raw, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, explainTLS(cmp.Or(context.Cause(ctx), err), t, r.config.TLS)
	}
	r.tellSecured(t, secure.ConnectionState().PeerCertificates)
	return secure, nil
}

func (r *Reader) tellSecured(t target, shown []*x509.Certificate) {
	if r.options.Secured == nil || len(shown) == 0 {
		return
	}
	first := slices.MinFunc(shown, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	r.options.Secured(t.name, first.NotAfter)
}

func (r *Reader) tlsConfig(host string) (*tls.Config, error) {
	c := &tls.Config{
		ServerName: host,
		MinVersion: tls.VersionTLS12,
		// Only where the administrator asks for it in so many words.
		InsecureSkipVerify: r.config.TLS.InsecureSkipVerify,
		Time:               r.options.Now,
	}
	if r.config.TLS.CAFile == "" {
		return c, nil
	}
	pem, err := readBounded(r.config.TLS.CAFile, maxFile)
	if err != nil {
		return nil, fmt.Errorf("%stls.ca_file: %w", setting, err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%stls.ca_file: %s holds no PEM certificate", setting, r.config.TLS.CAFile)
	}
	return c, nil
}

func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return b, nil
}

// startTLSRequest is the extended request of RFC 4511 4.14.1:
//
//	30 1d 02 01 01                LDAPMessage, messageID 1
//	77 18 80 16 "1.3.6.1.4.1.1466.20037"
const startTLSRequest = "\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"

// askForTLS sends StartTLS and reads the one answer, to its last byte and no
// further: what a stranger put behind it must not count as said within TLS.
func askForTLS(conn net.Conn) error {
	if _, err := io.WriteString(conn, startTLSRequest); err != nil {
		return err
	}
	message, err := readMessage(conn)
	if err != nil {
		return err
	}
	code, err := extendedResult(message)
	if err != nil {
		return err
	}
	if code != ldap.LDAPResultSuccess {
		return fmt.Errorf("the server does not start TLS (%s): it may have no certificate, or set %stls.mode to ldaps", resultText(uint16(code)), setting)
	}
	return nil
}

// extendedResult returns the result code of an extended response, whose
// lengths readMessage has checked:
//
//	30 L 02 01 01 78 L 0a 01 CODE …
func extendedResult(message []byte) (byte, error) {
	size, _, err := elementHead(message)
	if err != nil {
		return 0, err
	}
	b := message[size:]
	if len(b) < 5 || !slices.Equal(b[:3], []byte{0x02, 0x01, 0x01}) || b[3] != 0x78 {
		return 0, fmt.Errorf("%w: no extended response", errMessage)
	}
	b = b[3:]
	size, _, err = elementHead(b)
	if err != nil {
		return 0, err
	}
	if b = b[size:]; len(b) < 3 || b[0] != 0x0a || b[1] != 1 {
		return 0, fmt.Errorf("%w: no result code", errMessage)
	}
	return b[2], nil
}
