package referral

import (
	"errors"
	"net/netip"
	"strings"
)

// The errors of Resolve. [MS-DFSC] gives each its own answer.
var (
	// ErrDomainReferral means that a path is empty: the client asks for the
	// domains, which a domain controller alone knows (3.2.5.2).
	ErrDomainReferral = errors.New("domain referral asked of a server that is no domain controller")
	// ErrDCReferral means that a path has one component: the client asks for the
	// controllers of a domain (3.2.5.3).
	ErrDCReferral = errors.New("domain controller referral asked of a server that is no domain controller")
	// ErrNotFound means that this server has no such namespace (3.2.5.4, 3.2.5.5).
	ErrNotFound = errors.New("no such namespace on this server")
	// ErrUnavailable means that a namespace cannot be answered for here and now,
	// and that the client should try another server (3.2.4.1, 3.2.5.5).
	ErrUnavailable = errors.New("namespace is not available on this server")
	// ErrMalformedPath means that a path has an empty component, a NUL, or more
	// characters than an answer can count.
	ErrMalformedPath = errors.New("malformed DFS path")
)

// Request is what a client asks.
type Request struct {
	// Path is \host\namespace\rest as the client spelled it. A second leading
	// backslash, a missing one and trailing ones are put up with.
	Path string
	// Client is the address that the request came from. It may be invalid.
	Client netip.Addr
	// Site is the site that the client says it is in, or "".
	Site string
}

// trim brings a path to one leading backslash, where it has more, and to no
// trailing one, and refuses those that name no namespace by their shape.
func trim(path string) (string, error) {
	if strings.HasPrefix(path, `\\`) {
		path = path[1:]
	}
	path = strings.TrimRight(path, `\`)
	switch rest := strings.TrimPrefix(path, `\`); {
	case rest == "":
		return "", ErrDomainReferral
	case strings.Contains(path, `\\`), strings.IndexByte(path, 0) >= 0:
		return "", ErrMalformedPath
	case strings.IndexByte(rest, '\\') < 0:
		return "", ErrDCReferral
	}
	return path, nil
}

// split returns the first two components of a trimmed path.
func split(path string) (host, name string) {
	host, rest, _ := strings.Cut(strings.TrimPrefix(path, `\`), `\`)
	name, _, _ = strings.Cut(rest, `\`)
	return host, name
}

// utf16Bytes returns how many bytes a string takes in UTF-16.
func utf16Bytes(s string) int {
	n := 0
	for _, r := range s {
		n += 2
		if r > 0xFFFF {
			n += 2
		}
	}
	return n
}
