package peer

import (
	"errors"
	"time"

	"dfsd/replication/wire"
)

// Limits bounds what a partner, or whoever claims to be one, can cost. The zero
// value of a field means its default.
type Limits struct {
	// Handshake is how long a connection may take until it has joined its
	// session: TLS, both hellos, the join.
	Handshake time.Duration
	// Assembly is how long a session may wait for its other lanes.
	Assembly time.Duration
	// Unproven is how many connections may be in their handshakes.
	Unproven int
	// UnprovenPerAddress is how many of those may come from one address, or
	// from one IPv6 network of 64 bits.
	UnprovenPerAddress int
	// SessionsPerMember is how many sessions one member may have, those being
	// assembled included.
	SessionsPerMember int
	// StatusPerHost is how many accepted connections of the protocol
	// "dfsd-status" one key may have, and Status how many there may be in all.
	StatusPerHost int
	Status        int

	// Heartbeat is how often each lane is pinged.
	Heartbeat time.Duration
	// Silence is how long a lane may bring no byte.
	Silence time.Duration
	// Stall is how long a lane may take no byte.
	Stall time.Duration
	// FrameRate is the least speed of a frame that has begun, in bytes a
	// second, above a start of Silence.
	FrameRate int

	// Window is how many bytes of frames may wait in the inbox of one lane.
	Window int
	// Requests is how many requests of one lane are answered at a time.
	Requests int
}

// DefaultLimits returns the default of every limit.
func DefaultLimits() Limits {
	return Limits{
		Handshake: 10 * time.Second, Assembly: 20 * time.Second,
		Unproven: 256, UnprovenPerAddress: 16, SessionsPerMember: 4, StatusPerHost: 2, Status: 1024,
		Heartbeat: 10 * time.Second, Silence: 30 * time.Second, Stall: 30 * time.Second, FrameRate: 4 << 10,
		Window: 8 << 20, Requests: 16,
	}
}

// leastWindow lets the largest frame through.
const leastWindow = wire.MaxBody + frameCost

// withDefaults puts the default where l says nothing.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ own, otherwise *time.Duration }{
		{&l.Handshake, &d.Handshake},
		{&l.Assembly, &d.Assembly},
		{&l.Heartbeat, &d.Heartbeat},
		{&l.Silence, &d.Silence},
		{&l.Stall, &d.Stall},
	} {
		if *f.own == 0 {
			*f.own = *f.otherwise
		}
	}
	for _, f := range []struct{ own, otherwise *int }{
		{&l.Unproven, &d.Unproven},
		{&l.UnprovenPerAddress, &d.UnprovenPerAddress},
		{&l.SessionsPerMember, &d.SessionsPerMember},
		{&l.StatusPerHost, &d.StatusPerHost},
		{&l.Status, &d.Status},
		{&l.FrameRate, &d.FrameRate},
		{&l.Window, &d.Window},
		{&l.Requests, &d.Requests},
	} {
		if *f.own == 0 {
			*f.own = *f.otherwise
		}
	}
	return l
}

// Validate returns what is wrong with l; fields that are zero are not.
func (l Limits) Validate() error {
	l = l.withDefaults()
	switch {
	case l.Handshake < 0 || l.Assembly < 0 || l.Heartbeat < 0 || l.Silence < 0 || l.Stall < 0:
		return errors.New("peer: a limit of time is negative")
	case l.Unproven < 1 || l.UnprovenPerAddress < 1 || l.SessionsPerMember < 1 || l.StatusPerHost < 1 || l.Status < 1 || l.FrameRate < 1 || l.Requests < 1:
		return errors.New("peer: a limit of number is less than 1")
	case l.Silence <= l.Heartbeat:
		return errors.New("peer: silence is not longer than a heartbeat")
	case l.Window < leastWindow || l.Window > 1<<30:
		return errors.New("peer: the window holds less than the largest frame, or more than 1 GiB")
	}
	return nil
}
