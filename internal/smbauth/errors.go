package smbauth

import (
	"errors"
	"fmt"
)

// The errors that a caller may branch on, with errors.Is. They come wrapped
// with what was wrong, for a log and not for the client.
var (
	// ErrLogonFailure is a refused logon; errors.As finds the LogonError.
	ErrLogonFailure = errors.New("logon failure")
	// ErrMalformedToken is a token that breaks its grammar, or one too many.
	ErrMalformedToken = errors.New("malformed security token")
	// ErrNoMechanism means that the peer offers no mechanism that we speak.
	ErrNoMechanism = errors.New("no security mechanism in common")
	// ErrIntegrity is a wrong or missing message integrity code: somebody
	// between the two ends changed the exchange, or one end is broken.
	ErrIntegrity = errors.New("security exchange fails its integrity check")
)

// LogonError is a refused logon: who claimed to ask, and why not. It unwraps
// to ErrLogonFailure. Its text is for the administrator; a client must not
// learn whether the name or the password was wrong.
type LogonError struct {
	// User, Domain and Workstation are as the client sent them, unproven and
	// at most 256 UTF-16 units each.
	User, Domain, Workstation string
	Reason                    Reason
}

func (e *LogonError) Error() string {
	return fmt.Sprintf("%v: %v (user %q, domain %q, workstation %q)", ErrLogonFailure, e.Reason, e.User, e.Domain, e.Workstation)
}

// Unwrap returns ErrLogonFailure.
func (e *LogonError) Unwrap() error { return ErrLogonFailure }

// Reason is why a logon was refused.
type Reason uint8

// The reasons for a refusal.
const (
	UnknownUser      Reason = iota + 1 // the name is not in the table
	WrongPassword                      // the proof does not match the table's hash
	OldResponse                        // an NTLMv1 or LM response
	AnonymousRefused                   // no name, and Config.Anonymous is off
	WeakClient                         // no Unicode or no extended session security
)

func (r Reason) String() string {
	switch r {
	case UnknownUser:
		return "unknown user"
	case WrongPassword:
		return "wrong password"
	case OldResponse:
		return "NTLMv1 or LM response"
	case AnonymousRefused:
		return "anonymous refused"
	case WeakClient:
		return "client lacks Unicode or extended session security"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformedToken, fmt.Sprintf(format, args...))
}

func wrapIntegrity(what string) error { return fmt.Errorf("%w: %s", ErrIntegrity, what) }
