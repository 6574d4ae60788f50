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
	// at most 256 UTF-16 units each. With Kerberos, User and Domain are what the
	// KDC sealed, or empty where the ticket did not open.
	User, Domain, Workstation string
	// Service is the principal that the client's ticket is for, as it says,
	// and Detail what an administrator needs besides, such as the key version
	// that the keytab lacks. Empty with NTLM.
	Service, Detail string
	// Mechanism is the one that refused, as Identity.Mechanism names it.
	Mechanism string
	Reason    Reason
}

func (e *LogonError) Error() string {
	if e.Mechanism == MechanismKerberos {
		why := e.Reason.String()
		if e.Detail != "" {
			why += ": " + e.Detail
		}
		return fmt.Sprintf("%v: %s (user %q, realm %q, service %q)", ErrLogonFailure, why, e.User, e.Domain, e.Service)
	}
	return fmt.Sprintf("%v: %v (user %q, domain %q, workstation %q)", ErrLogonFailure, e.Reason, e.User, e.Domain, e.Workstation)
}

// Unwrap returns ErrLogonFailure.
func (e *LogonError) Unwrap() error { return ErrLogonFailure }

// Reason is why a logon was refused.
type Reason uint8

// The reasons for a refusal.
const (
	UnknownUser       Reason = iota + 1 // the name is not in the table
	WrongPassword                       // the proof does not match the table's hash
	OldResponse                         // an NTLMv1 or LM response
	AnonymousRefused                    // no name, and Config.Anonymous is off
	WeakClient                          // no Unicode or no extended session security
	TicketExpired                       // the ticket's end lies behind us
	TicketNotYetValid                   // its start lies ahead, or the KDC marked it invalid
	ClockSkew                           // the authenticator's time is further off than Config.ClockSkew
	Replayed                            // the same authenticator was here before
	ReplayCacheFull                     // no room to remember one more authenticator
	UnknownService                      // the ticket is for a name that is not ours
	UnknownKey                          // the keytab lacks the ticket's key version or type
	BadTicket                           // forged or changed, or sealed with a key that is no longer ours
	ClientMismatch                      // ticket and authenticator name different clients
	WeakEncryption                      // an encryption type that is not allowed
)

var reasonNames = map[Reason]string{
	UnknownUser:       "unknown user",
	WrongPassword:     "wrong password",
	OldResponse:       "NTLMv1 or LM response",
	AnonymousRefused:  "anonymous refused",
	WeakClient:        "client lacks Unicode or extended session security",
	TicketExpired:     "Kerberos ticket has expired",
	TicketNotYetValid: "Kerberos ticket is not yet valid",
	ClockSkew:         "clocks of client and server are too far apart",
	Replayed:          "Kerberos authenticator was seen before",
	ReplayCacheFull:   "Kerberos replay cache is full",
	UnknownService:    "Kerberos ticket is for another service",
	UnknownKey:        "keytab lacks the key of the Kerberos ticket",
	BadTicket:         "Kerberos ticket or authenticator does not decrypt",
	ClientMismatch:    "Kerberos ticket and authenticator name different clients",
	WeakEncryption:    "Kerberos encryption type is not allowed",
}

func (r Reason) String() string {
	if name, ok := reasonNames[r]; ok {
		return name
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformedToken, fmt.Sprintf(format, args...))
}

func wrapIntegrity(what string) error { return fmt.Errorf("%w: %s", ErrIntegrity, what) }
