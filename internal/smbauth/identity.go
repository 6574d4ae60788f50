package smbauth

import (
	"fmt"
	"time"
)

// Kind says how much is known about who is asking.
type Kind uint8

// The kinds of identity; the zero value is none of them.
const (
	User      Kind = iota + 1 // proved that he knows the password
	Guest                     // an unknown name, let in by Config.Guest
	Anonymous                 // no name, let in by Config.Anonymous
)

func (k Kind) String() string {
	switch k {
	case User:
		return "user"
	case Guest:
		return "guest"
	case Anonymous:
		return "anonymous"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// How Identity.Mechanism names NTLM version 2 and Kerberos 5.
const (
	MechanismNTLMv2   = "ntlmv2"
	MechanismKerberos = "kerberos"
)

// Identity is who set up a session, and the key that both ends now share. It
// belongs to the caller.
type Identity struct {
	// User is the name as the table of users spells it, or the name part of a
	// Kerberos client's principal; "Guest" for a guest, whatever name was
	// claimed; empty for an anonymous caller.
	User string
	// Domain is the realm that the KDC sealed into the ticket. With NTLM it is
	// what the client sent and proves nothing. Empty for a guest.
	Domain    string
	Kind      Kind
	Mechanism string
	// SessionKey is the full session key: 16 bytes, or 32 of a Kerberos AES-256
	// key, whose first 16 are the SMB2 SessionKey. A guest's is sixteen zero bytes,
	// which the client does not know: it protects nothing, nor does that of an
	// anonymous caller.
	SessionKey []byte
	// Expires ends the session: when the ticket ends; zero: never.
	Expires time.Time
}

// SameUser reports whether i and o are one proven user. Guests and anonymous
// callers are never the same as anybody, themselves included. Kerberos names
// are one in realm and case too (RFC 4120 6.2).
func (i *Identity) SameUser(o *Identity) bool {
	if i == nil || o == nil || i.Kind != User || o.Kind != User || i.Mechanism != o.Mechanism {
		return false
	}
	if i.Mechanism == MechanismKerberos {
		return i.User == o.User && i.Domain == o.Domain
	}
	return foldName(i.User) == foldName(o.User)
}

// String names the identity without its key.
func (i Identity) String() string {
	return fmt.Sprintf("%s %q (%s)", i.Kind, i.User, i.Mechanism)
}
