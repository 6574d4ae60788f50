package doctor

import (
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
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"dfsd/internal/resolve"
	"dfsd/sites/adsites"
)

const (
	// maxControllers bounds the domain controllers that are looked at.
	maxControllers = 16
	// maxSecretFile bounds a file with a password.
	maxSecretFile = 4 << 10
	// maxCAFile bounds a file of certificates.
	maxCAFile = 4 << 20
	// maxReply bounds all that one controller may send here.
	maxReply = 4 << 20
)

// controller is one directory server.
type controller struct {
	host  string
	port  uint16
	addrs []netip.Addr // none: host is looked up on dialling
}

func (c controller) name() string { return plainPort(c.host, c.port) }

// controllers are those that the daemon asks, nearest first.
func (d *doctor) controllers(ctx context.Context) ([]controller, error) {
	if len(d.Directory.URLs) > 0 {
		return namedControllers(d.Directory), nil
	}
	found, err := d.locate(ctx)
	if err != nil {
		return nil, err
	}
	var all []controller
	for _, c := range found[:min(len(found), maxControllers)] {
		port := c.Port
		if d.Directory.TLS.Mode == adsites.LDAPS && port == 389 {
			port = 636
		}
		all = append(all, controller{c.Host, port, c.Addrs})
	}
	return all, nil
}

func (d *doctor) locate(ctx context.Context) ([]resolve.Controller, error) {
	client, err := d.resolver()
	if err != nil {
		return nil, err
	}
	return client.Controllers(ctx, d.Directory.Domain, d.ownSite())
}

func namedControllers(config *adsites.Config) []controller {
	var all []controller
	for _, text := range config.URLs[:min(len(config.URLs), maxControllers)] {
		u, err := url.Parse(text)
		if err != nil {
			continue // the configuration was checked
		}
		port := usualPort(config.TLS.Mode)
		if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
			port = uint16(n)
		}
		all = append(all, controller{host: u.Hostname(), port: port})
	}
	return all
}

func usualPort(mode adsites.TLSMode) uint16 {
	if mode == adsites.LDAPS {
		return 636
	}
	return 389
}

// dialController connects to the first address that answers.
func (d *doctor) dialController(ctx context.Context, c controller) (net.Conn, error) {
	addrs := c.addrs
	if ip, err := netip.ParseAddr(c.host); err == nil {
		addrs = []netip.Addr{ip}
	}
	if len(addrs) == 0 {
		client, err := d.resolver()
		if err != nil {
			return nil, err
		}
		answer, err := client.Addresses(ctx, c.host)
		if err != nil {
			return nil, err
		}
		addrs = answer.Addrs
	}
	last := errors.New("no address")
	for _, a := range addrs {
		conn, err := d.connect(ctx, plainPort(a.String(), c.port))
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, last
}

// talk is a connection to a controller on which nobody is bound.
type talk struct {
	*ldap.Conn
	raw net.Conn
	// certs are what the controller showed, its own first; none without TLS.
	certs []*x509.Certificate
	stop  func() bool
}

func (t *talk) close() {
	t.stop()
	_ = t.Close() // nothing is owed to the controller
}

// open connects and starts TLS as the configuration says. The certificate is
// kept and not judged: whoever sends a secret calls judge first.
func (d *doctor) open(ctx context.Context, c controller) (*talk, error) {
	raw, err := d.dialController(ctx, c)
	if err != nil {
		return nil, err
	}
	stop := until(ctx, raw, checkTimeout)
	limited := &limitedConn{Conn: raw, left: maxReply}
	// Judged by judge, so that every fault of the certificate can be named.
	config := &tls.Config{ServerName: c.host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
	t := &talk{raw: raw, stop: stop}
	switch d.Directory.TLS.Mode {
	case adsites.LDAPS:
		secure := tls.Client(limited, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			stop()
			_ = raw.Close() // the fault of the handshake counts
			return nil, &handshakeError{err}
		}
		t.certs = secure.ConnectionState().PeerCertificates
		t.Conn = ldap.NewConn(secure, true)
		t.SetTimeout(talkTimeout)
		t.Start()
	default:
		t.Conn = ldap.NewConn(limited, false)
		t.SetTimeout(talkTimeout)
		t.Start()
	}
	if d.Directory.TLS.Mode == adsites.StartTLS {
		if err := t.StartTLS(config); err != nil {
			t.close()
			return nil, &handshakeError{err}
		}
		if state, ok := t.TLSConnectionState(); ok {
			t.certs = state.PeerCertificates
		}
	}
	return t, nil
}

// handshakeError is of a server that takes connections and does not start TLS.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "TLS does not start: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// limitedConn ends after so many bytes: the LDAP library believes lengths and
// collects what is sent.
type limitedConn struct {
	net.Conn
	left int
}

// Read is called by one goroutine at a time.
func (c *limitedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errors.New("the server sends too much")
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// errPassword is of a password that cannot be had. The text names the setting.
var errPassword = errors.New("sites.ldap.bind.password_file")

// bind proves who asks. The certificate was judged, or the configuration does
// not want that.
func (d *doctor) bind(t *talk) error {
	b := d.Directory.Bind
	if b == nil {
		return nil
	}
	if d.Directory.TLS.Mode == adsites.Off && !loopbackPeer(t.raw) {
		return errClear
	}
	if b.Method == adsites.GSSAPI {
		return errGSSAPI
	}
	text, err := readBounded(b.PasswordFile, maxSecretFile)
	if err != nil {
		return fmt.Errorf("%w: %w", errPassword, err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if password == "" {
		return fmt.Errorf("%w: %s is empty", errPassword, b.PasswordFile)
	}
	return t.Bind(b.DN, password)
}

var (
	// errClear is of a password that would go in the clear to another host.
	errClear = errors.New("the password does not go in the clear to another host")
	// errGSSAPI is of a bind that only the reading of the topology makes.
	errGSSAPI = errors.New("bound by Kerberos")
)

func loopbackPeer(conn net.Conn) bool {
	ap, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return b, err
}

// rootDSE reads what a server says about itself to everybody.
func (t *talk) rootDSE(attributes ...string) (map[string]string, error) {
	found, err := t.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", attributes, nil))
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, e := range found.Entries {
		for _, a := range attributes {
			values[a] = e.GetEqualFoldAttributeValue(a)
		}
	}
	return values, nil
}
