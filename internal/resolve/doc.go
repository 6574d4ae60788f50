// Package resolve asks the DNS: addresses of hosts with their lifetime, and
// domain controllers by SRV records.
//
// A [Client] asks for one thing and waits for it. [Hosts] keeps the addresses
// of many hosts fresh in the background and answers at once with what was last
// learnt. Both are safe for concurrent use.
//
// Everything here trusts the DNS servers it is told to ask, and nobody else: an
// answer must come from the address and port asked, with the random id and the
// question of the query. What a server may say is bounded: 64 addresses of a
// host, 1,000 controllers, 8 aliases in a row, 64 KiB a message, 30 s a
// call.
package resolve

import "errors"

var (
	// ErrNotFound is the answer that the name does not exist (NXDOMAIN).
	ErrNotFound = errors.New("no such name in the DNS")
	// ErrNoAddress is the answer that the name exists without what was asked
	// for (NODATA).
	ErrNoAddress = errors.New("the name has no such record in the DNS")
	// ErrNotOffered is the answer that the domain decidedly has no controllers:
	// an SRV record with the target "." (RFC 2782).
	ErrNotOffered = errors.New("the domain says that it offers no such service")
	// ErrServers says that no DNS server gave a usable answer: silence, a
	// refusal, a failure, or nonsense. The name may well exist.
	ErrServers = errors.New("no DNS server answers")
)
