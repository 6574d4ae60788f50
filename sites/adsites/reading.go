package adsites

import (
	"time"

	"dfsd/sites"
)

// Reading is one whole, consistent topology and where it comes from.
type Reading struct {
	// Config has no fault and at least one site. It belongs to the reader of
	// this field; nobody else changes it.
	Config sites.Config
	// Warnings are the objects that were left out or changed, and why.
	Warnings []Warning
	// Server is the host:port of the server that answered.
	Server string
	// At is when the reading ended.
	At time.Time

	mark cursor
}

// Warning says what is wrong with one object of the directory. The topology
// that comes with it is whole without that object.
type Warning struct {
	// DN names the object; empty: the warning is about the reading as a whole.
	DN string
	// Message is lower case without a full stop and holds no secret.
	Message string
}

func (w Warning) String() string {
	if w.DN == "" {
		return w.Message
	}
	return w.DN + ": " + w.Message
}

// cursor is a state of a directory: that of one server, since nothing that
// servers count is the same on two of them. The zero value is no state.
type cursor struct {
	// origin is the directory's own name for one life of its database: the
	// invocationId of a domain controller, else the server's address.
	origin string
	// usn is the last committed update sequence number; Active Directory only.
	usn int64
	// objects is how many objects were read; Active Directory only.
	objects int
	// feed is what was read; nil where the server is not followed.
	feed *feed
	// contents sums up the objects and their versions, or counts the changes of
	// feed; mapped directories only.
	contents uint64
}
