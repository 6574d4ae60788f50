package peer

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"dfsd/replication"
)

// ErrNotTrusted is returned when the other side does not accept this host's
// key: it is not in that host's configuration, or another one is.
var ErrNotTrusted = errors.New("the partner does not accept this host's key")

// KeyError is returned for a partner that proved another key than expected.
type KeyError struct {
	Address string                    // that the partner has
	Got     replication.Fingerprint   // zero: it showed no key
	Want    []replication.Fingerprint // any of these
}

func (e *KeyError) Error() string {
	want := "none is configured"
	if len(e.Want) > 0 {
		texts := make([]string, len(e.Want))
		for i, f := range e.Want {
			texts[i] = f.String()
		}
		want = "want " + strings.Join(texts, " or ")
	}
	if e.Got.IsZero() {
		return fmt.Sprintf("%s shows no key; %s", e.Address, want)
	}
	return fmt.Sprintf("%s has the key %v; %s", e.Address, e.Got, want)
}

// Partner is a member that this host replicates with.
type Partner struct {
	Host    string
	Address string // host:port; where to dial
	Key     replication.Fingerprint
}

// What TLS is asked for (ALPN, RFC 7301), so that nothing else is mistaken for
// it, and so that both share one port.
const (
	protocol       = "dfsd-replication"
	statusProtocol = "dfsd-status"
)

// tlsConfig returns the TLS of both sides. known tells whether a key may come
// in; those that it refuses become a KeyError with want.
func tlsConfig(own *Identity, address string, known func(replication.Fingerprint) bool, want func() []replication.Fingerprint) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		NextProtos:   []string{protocol},
		Certificates: []tls.Certificate{own.certificate},
		ClientAuth:   tls.RequireAnyClientCert,
		// Keys are pinned in VerifyConnection, which every handshake runs.
		InsecureSkipVerify:     true,
		SessionTicketsDisabled: true,
		// Lanes are long-lived: full records from the start.
		DynamicRecordSizingDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			return pin(state, address, known, want)
		},
	}
}

// pin refuses a connection whose key is not known.
func pin(state tls.ConnectionState, address string, known func(replication.Fingerprint) bool, want func() []replication.Fingerprint) error {
	got := fingerprintIn(state)
	if got.IsZero() || !known(got) {
		return &KeyError{Address: address, Got: got, Want: want()}
	}
	return nil
}

// fingerprintIn returns the fingerprint of the key that the other side proved,
// zero where there is none.
func fingerprintIn(state tls.ConnectionState) replication.Fingerprint {
	if len(state.PeerCertificates) == 0 {
		return replication.Fingerprint{}
	}
	return fingerprintOf(state.PeerCertificates[0])
}

// explain makes an alert of the other side, which is all that TLS tells of a
// refused key, an ErrNotTrusted.
func explain(err error) error {
	var alert *net.OpError
	if errors.As(err, &alert) && alert.Op == "remote error" { // crypto/tls sets it for alerts alone
		return fmt.Errorf("%w: %w", ErrNotTrusted, err)
	}
	return err
}
