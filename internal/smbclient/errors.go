package smbclient

import (
	"errors"
	"fmt"
	"net"
	"os"

	"dfsd/internal/smb2"
)

// What callers branch on.
var (
	// ErrProtocol is a server that breaks the protocol.
	ErrProtocol = errors.New("server breaks the SMB protocol")
	// ErrSignature is an answer that is not signed as it must be, or not
	// encrypted. It wraps ErrProtocol.
	ErrSignature = fmt.Errorf("%w: answer is not authentic", ErrProtocol)
	// ErrDowngrade is a NEGOTIATE that somebody changed on its way. It wraps
	// ErrProtocol.
	ErrDowngrade = fmt.Errorf("%w: negotiation was tampered with", ErrProtocol)
	// ErrUnprotected is a server that cannot sign or encrypt as Options demand.
	ErrUnprotected = errors.New("server does not offer the protection that is demanded")
	// ErrGuest is a server that let a user in as a guest.
	ErrGuest = errors.New("server knows the user as a guest only")
	// ErrNoCredits is a request that the server's credits do not allow now; it
	// was not sent. Receive an answer and try again.
	ErrNoCredits = errors.New("no credits for this request")
	// ErrOutstanding is a RoundTrip while answers to sent requests are due; it
	// was not sent.
	ErrOutstanding = errors.New("answers to earlier requests are due")
	// ErrNothingDue is a Receive without a request that awaits its answer.
	ErrNothingDue = errors.New("no answer is due")
	// ErrClosed is a request on a connection that Close ended.
	ErrClosed = errors.New("connection is closed")
)

// StatusError is an answer other than success. It unwraps to its Status.
type StatusError struct {
	Command smb2.Command
	Status  smb2.Status
}

func (e *StatusError) Error() string { return fmt.Sprintf("%s: %s", e.Command, e.Status) }

// Unwrap returns the status, so that errors.Is(err, smb2.StatusNotFound) works.
func (e *StatusError) Unwrap() error { return e.Status }

// bare is why the network failed, without the calls and the ports of this side:
// who says what was tried says it once, and the same fault reads the same each
// time.
func bare(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return err
}

func breaks(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrProtocol, fmt.Sprintf(format, args...))
}
