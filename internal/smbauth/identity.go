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

// MechanismNTLMv2 is how Identity.Mechanism names NTLM version 2.
const MechanismNTLMv2 = "ntlmv2"

// Identity is who set up a session, and the key that both ends now share. It
// belongs to the caller.
type Identity struct {
	// User is the name as the table of users spells it; "Guest" for a guest,
	// whatever name was claimed; empty for an anonymous caller.
	User string
	// Domain is what the client sent; it proves nothing. Empty for a guest.
	Domain    string
	Kind      Kind
	Mechanism string
	// SessionKey is the full session key. A guest's is sixteen zero bytes,
	// which the client does not know: it protects nothing, nor does that of an
	// anonymous caller.
	SessionKey []byte
	// Expires ends the session; zero: never.
	Expires time.Time
}

// SameUser reports whether i and o are one proven user. Guests and anonymous
// callers are never the same as anybody, themselves included.
func (i *Identity) SameUser(o *Identity) bool {
	return i != nil && o != nil && i.Kind == User && o.Kind == User &&
		i.Mechanism == o.Mechanism && foldName(i.User) == foldName(o.User)
}

// String names the identity without its key.
func (i Identity) String() string {
	return fmt.Sprintf("%s %q (%s)", i.Kind, i.User, i.Mechanism)
}
