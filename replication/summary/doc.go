// Package summary carries status summaries between the members of a deployment
// and its observers, so that each host can answer for all of them, each figure
// with its age.
//
// An Exchange keeps one connection with each peer and tells it what the peer
// does not have: of this host, and of every other host that this one heard of.
// There is no hub, no quorum and no shared clock. What a host says of itself is
// ordered by three numbers of its own: boot, which grows with every start, seq,
// which counts changes, and tick, which counts all that it said. The highest
// wins wherever it comes from, so relays need no routes and cannot loop.
//
// Boot is the start of the process in Unix milliseconds with 16 random bits
// below. A clock that was set back makes a new boot smaller than the last;
// then a peer that still holds the last one names it in its first beat, and
// the host takes the next higher boot. So no clock need be right or agree with
// another, and times travel as ages alone.
//
// Trust: connections are proven before they come here. A host's word on itself
// is taken; a member's word on others too, unless the other host is connected
// and can speak for itself; an observer's word on others is not. What is said
// of hosts that are not in the configuration is dropped, and so is what others
// say of this host. A member that lies can therefore mislead those whom the
// host it lies about does not reach, until that host is heard again: it knows
// the boot it has to exceed from the beats. Only where a liar uses up the
// numbers that may be relayed (maxRelayed) does the lie stay, with those whom
// the host itself does not reach, until it is forgotten after Forget.
//
// # Bytes
//
// A frame is a header of 8 bytes and a body of at most MaxBody:
//
//	0  type      uint8   which message the body is
//	1  reserved  3 bytes zero
//	4  length    uint32  of the body, big-endian
//
// Both sides begin with Hello and then send Beat: what they have of each host,
// and of which hosts they want to hear. Update frames bring what is newer than
// that. Bodies are made of single bytes, uvarints in their shortest form and
// byte strings behind their uvarint length; each message draws its layout at
// its append method.
package summary
