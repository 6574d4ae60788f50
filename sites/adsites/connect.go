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
	"net/netip"
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
	// headStart is how long a server is asked alone before the next one may be,
	// too. One that lives answers within four round trips, across an ocean within
	// half a second.
	headStart = 500 * time.Millisecond
	// abreast is how many servers are knocked at at the same time, at most: as
	// many as have their head start while one that is dead is waited for, so that
	// none waits for a place.
	abreast = int(dialTimeout / headStart)
	// addressDelay is the Connection Attempt Delay of RFC 8305.
	addressDelay = 250 * time.Millisecond
	// addressesAbreast is how many addresses of one server are tried at the same
	// time, at most.
	addressesAbreast = 4
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

// connect opens a protected connection on which nobody is bound yet, and says
// when the first of the certificates ends that were shown there.
func (r *Reader) connect(ctx context.Context, t target) (conn net.Conn, ends time.Time, err error) {
	raw, err := r.dial(ctx, t)
	if err != nil {
		return nil, ends, err
	}
	conn, ends, err = r.protect(ctx, raw, t)
	if err != nil {
		_ = raw.Close() // the fault that counts is err
	}
	return conn, ends, err
}

// dial connects to the address that answers first, where each has a start
// before the next (RFC 8305).
func (r *Reader) dial(ctx context.Context, t target) (net.Conn, error) {
	port := strconv.Itoa(int(t.Port))
	addresses := []string{t.name}
	if len(t.Addrs) > 0 {
		addresses = addresses[:0]
		for _, a := range alternate(t.Addrs) {
			addresses = append(addresses, net.JoinHostPort(a.String(), port))
		}
	}
	out := race[net.Conn]{
		headStart: addressDelay, abreast: addressesAbreast,
		try:     func(ctx context.Context, i int) (net.Conn, error) { return r.dialOne(ctx, addresses[i]) },
		discard: func(c net.Conn) { _ = c.Close() }, // nothing was said on it
	}.run(ctx, len(addresses))
	switch {
	case out.winner >= 0:
		return out.prize, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, dialFaults(out.faults)
}

// alternate puts addresses of both families in turns, each family in its order
// and that of the first address first (RFC 8305 4): one that this host cannot
// reach costs a single try.
func alternate(addrs []netip.Addr) []netip.Addr {
	var families [2][]netip.Addr
	for _, a := range addrs {
		i := 0
		if a.Unmap().Is4() != addrs[0].Unmap().Is4() {
			i = 1
		}
		families[i] = append(families[i], a)
	}
	mixed := make([]netip.Addr, 0, len(addrs))
	for i := range addrs {
		for _, f := range families {
			if i < len(f) {
				mixed = append(mixed, f[i])
			}
		}
	}
	return mixed
}

// dialFaults says for each address of one server why it cannot be reached: that
// of the last is often only that this host has no IPv6.
type dialFaults []error

func (f dialFaults) Error() string {
	texts := make([]string, len(f))
	for i, err := range f {
		texts[i] = err.Error()
	}
	slices.Sort(texts) // a DNS server gives addresses in another order each time
	return strings.Join(texts, "; ")
}

func (f dialFaults) Unwrap() []error { return f }

func (r *Reader) dialOne(ctx context.Context, address string) (net.Conn, error) {
	ctx, stop := context.WithTimeout(ctx, dialTimeout)
	defer stop()
	return r.options.Dial(ctx, "tcp", address)
}

// protect starts TLS as the configuration says. It takes no longer than a dial.
func (r *Reader) protect(ctx context.Context, raw net.Conn, t target) (conn net.Conn, ends time.Time, err error) {
	if r.config.TLS.Mode == Off {
		return raw, ends, nil
	}
	config, err := r.tlsConfig(t.Host)
	if err != nil {
		return nil, ends, err
	}
	ctx, stop := context.WithTimeoutCause(ctx, dialTimeout, fmt.Errorf("no answer within %s", dialTimeout))
	defer stop()
	release := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer release()
	if r.config.TLS.Mode == StartTLS {
		if err := askForTLS(raw); err != nil {
			return nil, ends, fmt.Errorf("ask for TLS: %w", cmp.Or(context.Cause(ctx), err))
		}
	}
	secure := tls.Client(raw, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, ends, explainTLS(cmp.Or(context.Cause(ctx), err), t, r.config.TLS)
	}
	if !release() { // its deadline has passed
		return nil, ends, fmt.Errorf("start TLS with %s: %w", t.name, context.Cause(ctx))
	}
	return secure, firstEnd(secure.ConnectionState().PeerCertificates), nil
}

// firstEnd is when the first of certificates ends; zero where there are none.
func firstEnd(shown []*x509.Certificate) time.Time {
	if len(shown) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(shown, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) }).NotAfter
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
