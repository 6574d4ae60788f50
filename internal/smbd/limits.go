package smbd

import (
	"strconv"
	"time"

	"dfsd/internal/fault"
	"dfsd/internal/quantity"
)

// Limits bound what clients can make the server hold, in bytes, time and
// count. Each refusal is counted in dfsd_smb_rejected_total under the reason
// named here. Bytes are payload bytes of one frame.
type Limits struct {
	// FrameUnauthenticated is the longest frame before a log-on has
	// succeeded. Reason: frame.
	FrameUnauthenticated quantity.Size `yaml:"frame_unauthenticated"`
	// Transact is what one read, write, listing or control may carry once
	// authenticated; clients learn it in NEGOTIATE. Frames may be longer by
	// their headers. Reason: frame.
	Transact quantity.Size `yaml:"transact"`
	// AuthenticateWithin is the time from accept to the end of the first
	// log-on, and from the last log-off to the next log-on. Reason:
	// authenticate_timeout.
	AuthenticateWithin time.Duration `yaml:"authenticate_within"`
	// IdleTimeout ends authenticated connections that send nothing for so
	// long; 0 keeps them, and TCP keep-alive finds the dead. Reason: idle.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	// FrameWithin is the time from the length of a frame to its last byte,
	// once authenticated. Reason: frame_timeout.
	FrameWithin time.Duration `yaml:"frame_within"`
	// WriteTimeout is how long a client may leave an answer unread. Reason:
	// write_timeout.
	WriteTimeout time.Duration `yaml:"write_timeout"`
	// LogonDelay is how long the answer to a failed log-on waits, while other
	// requests go on.
	LogonDelay time.Duration `yaml:"logon_delay"`

	// Connections counts all of them. Reason: connections.
	Connections int `yaml:"connections"`
	// ConnectionsPerAddress counts those of one address (IPv6: one /64).
	// Reason: connections_per_address.
	ConnectionsPerAddress int `yaml:"connections_per_address"`
	// Unauthenticated counts connections without a log-on yet. Reason:
	// unauthenticated.
	Unauthenticated int `yaml:"unauthenticated"`
	// UnauthenticatedPerAddress counts those of one address (IPv6: one /64).
	// Reason: unauthenticated_per_address.
	UnauthenticatedPerAddress int `yaml:"unauthenticated_per_address"`

	// Sessions counts those of one connection. Reason: sessions.
	Sessions int `yaml:"sessions"`
	// SessionsInProgress counts those of one connection whose log-on has not
	// ended. Reason: sessions_in_progress.
	SessionsInProgress int `yaml:"sessions_in_progress"`
	// Trees counts those of one session. Reason: trees.
	Trees int `yaml:"trees"`
	// Opens counts the files, folders and pipes of one session. Reason:
	// opens.
	Opens int `yaml:"opens"`
	// OpensPerConnection counts those of all its sessions. Reason:
	// opens_per_connection.
	OpensPerConnection int `yaml:"opens_per_connection"`
	// Parked counts the requests of one connection that wait for an event.
	// Reason: parked.
	Parked int `yaml:"parked"`
	// Compound is the longest chain of requests in one frame. Reason:
	// compound.
	Compound int `yaml:"compound"`
	// CreditsMin and CreditsMax are the most requests that a client may have
	// under way: the first until it has logged on, the second from then on.
	// Reason, for a message id outside the window: window.
	CreditsMin int `yaml:"credits_min"`
	CreditsMax int `yaml:"credits_max"`
}

// SetDefaults gives every limit its default.
func (l *Limits) SetDefaults() {
	*l = Limits{
		FrameUnauthenticated: 64 * quantity.KiB,
		Transact:             quantity.MiB,
		AuthenticateWithin:   10 * time.Second,
		IdleTimeout:          0,
		FrameWithin:          30 * time.Second,
		WriteTimeout:         30 * time.Second,
		LogonDelay:           2 * time.Second,

		Connections:               32768,
		ConnectionsPerAddress:     16384,
		Unauthenticated:           2048,
		UnauthenticatedPerAddress: 256,

		Sessions:           64,
		SessionsInProgress: 8,
		Trees:              128,
		Opens:              1024,
		OpensPerConnection: 4096,
		Parked:             128,
		Compound:           16,
		CreditsMin:         128,
		CreditsMax:         8192,
	}
}

// Validate returns every limit that is out of its range.
func (l Limits) Validate() fault.List {
	var faults fault.List
	for _, r := range l.ranges() {
		if r.value < r.least || r.value > r.most {
			faults.Addf(r.key, "%s is not within %s to %s", r.format(r.value), r.format(r.least), r.format(r.most))
		}
	}
	if l.CreditsMax < l.CreditsMin {
		faults.Addf("credits_max", "%d is less than credits_min, %d", l.CreditsMax, l.CreditsMin)
	}
	return faults
}

// limitRange is what one limit may be set to.
type limitRange struct {
	key                string
	value, least, most int64
	format             func(int64) string
}

func (l Limits) ranges() []limitRange {
	return []limitRange{
		{"frame_unauthenticated", int64(l.FrameUnauthenticated), 8 << 10, 1 << 20, formatSize},
		{"transact", int64(l.Transact), 64 << 10, 8 << 20, formatSize},
		{"authenticate_within", int64(l.AuthenticateWithin), int64(time.Second), int64(10 * time.Minute), formatDuration},
		{"idle_timeout", int64(l.IdleTimeout), 0, int64(30 * 24 * time.Hour), formatDuration},
		{"frame_within", int64(l.FrameWithin), int64(time.Second), int64(10 * time.Minute), formatDuration},
		{"write_timeout", int64(l.WriteTimeout), int64(time.Second), int64(10 * time.Minute), formatDuration},
		{"logon_delay", int64(l.LogonDelay), 0, int64(10 * time.Second), formatDuration},
		{"connections", int64(l.Connections), 1, 1 << 20, formatCount},
		{"connections_per_address", int64(l.ConnectionsPerAddress), 1, 1 << 20, formatCount},
		{"unauthenticated", int64(l.Unauthenticated), 1, 1 << 20, formatCount},
		{"unauthenticated_per_address", int64(l.UnauthenticatedPerAddress), 1, 1 << 20, formatCount},
		{"sessions", int64(l.Sessions), 1, 16384, formatCount},
		{"sessions_in_progress", int64(l.SessionsInProgress), 1, 1024, formatCount},
		{"trees", int64(l.Trees), 2, 65536, formatCount},
		{"opens", int64(l.Opens), 8, 1 << 20, formatCount},
		{"opens_per_connection", int64(l.OpensPerConnection), 8, 1 << 20, formatCount},
		{"parked", int64(l.Parked), 1, 8192, formatCount},
		{"compound", int64(l.Compound), 4, 128, formatCount},
		{"credits_min", int64(l.CreditsMin), 16, 8192, formatCount},
		{"credits_max", int64(l.CreditsMax), 16, 8192, formatCount},
	}
}

func formatSize(n int64) string { return quantity.Size(n).String() }

func formatDuration(n int64) string { return time.Duration(n).String() }

func formatCount(n int64) string { return strconv.FormatInt(n, 10) }
