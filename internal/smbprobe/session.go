package smbprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"dfsd/internal/smb2"
	"dfsd/internal/smbclient"
	"dfsd/referral/health"
)

// session is one that is kept between probes.
type session struct {
	conn  *smbclient.Conn
	cred  smbclient.Credentials
	trees map[string]tree // by share in lower case
}

// tree is a share that a session is connected to, or may not connect to. The
// latter is kept, too: servers write each refusal into their logs.
type tree struct {
	*smbclient.Tree // nil: it is there, but not for us
	since           time.Time
}

// lookDeeper does w over the kept session of h, or over a new one on fresh,
// which it takes over.
func (p *Prober) lookDeeper(ctx context.Context, h *host, fresh *smbclient.Conn, cred smbclient.Credentials, w *walk) *health.Failure {
	if h.session != nil {
		done := p.overKept(ctx, h, w)
		if done {
			hangUp(fresh)
			return nil
		}
		h.drop()
	}
	s, failure := p.logOn(ctx, h, fresh, cred)
	if s == nil {
		hangUp(fresh)
		return failure
	}
	h.session = s
	err := w.run(ctx, s, p.now())
	if err != nil {
		w.failRest(err)
	}
	if err != nil || w.stale {
		h.drop()
	}
	return nil
}

// overKept does w over the kept session, and reports whether that was enough.
// Half of the time is left for a new session: the kept one may have died
// without a word.
func (p *Prober) overKept(ctx context.Context, h *host, w *walk) (done bool) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	if err := w.run(ctx, h.session, p.now()); err != nil {
		return false
	}
	if w.stale {
		h.drop()
	}
	return true
}

// logOn makes a session on conn. Without one the failure says what ails the
// host; it is nil where the host is well, but refuses the prober.
func (p *Prober) logOn(ctx context.Context, h *host, conn *smbclient.Conn, cred smbclient.Credentials) (*session, *health.Failure) {
	if !h.refused.allows(cred, p.now()) {
		return nil, nil // as noted when it was refused
	}
	a := p.beginLogon(h, cred)
	if a == nil {
		return nil, nil
	}
	err := conn.Logon(ctx)
	if err == nil && conn.Negotiated().Dialect != smb2.Dialect311 {
		// The first tree makes sure that nobody talked us down to this dialect.
		_, err = conn.TreeConnect(ctx, `\\`+h.name+`\IPC$`)
	}
	o := judgeLogon(err)
	now := p.now()
	p.mu.Lock()
	a.end(o, now)
	p.mu.Unlock()
	switch o {
	case admitted:
		h.refused = refusal{}
		p.note(h, "")
		return &session{conn: conn, cred: cred, trees: make(map[string]tree)}, nil
	case undecided:
		return nil, &health.Failure{Stage: health.StageSession, Err: fmt.Errorf("host negotiates but sets up no session: %w", err)}
	}
	h.refused = h.refused.after(cred, o == wrongPassword, now)
	p.note(h, fmt.Sprintf("log-on of %s is refused: %v", userName(cred), err))
	return nil, nil
}

// beginLogon counts a log-on at h in, or returns nil where it must not be tried
// now.
func (p *Prober) beginLogon(h *host, cred smbclient.Credentials) *account {
	now := p.now()
	p.mu.Lock()
	a := p.accounts.of(cred)
	may, paused := a.begin(now), a.refused >= accountRefusals
	p.mu.Unlock()
	if may {
		return a
	}
	if paused {
		p.note(h, fmt.Sprintf("log-on of %s is not tried, because other hosts found the password wrong", userName(cred)))
	}
	return nil // else others find out first whether the password is right
}

func userName(c smbclient.Credentials) string {
	if c.Domain == "" {
		return c.User
	}
	return c.Domain + `\` + c.User
}

// judgeLogon says what the end of a log-on means.
func judgeLogon(err error) outcome {
	var status *smbclient.StatusError
	var network net.Error
	var system syscall.Errno
	switch {
	case err == nil:
		return admitted
	case errors.As(err, &status):
		return judgeRefusal(status.Status)
	case errors.Is(err, smbclient.ErrSignature) || errors.Is(err, smbclient.ErrDowngrade):
		return refused
	case errors.Is(err, smbclient.ErrProtocol) || errors.Is(err, smb2.ErrMalformed) ||
		errors.Is(err, smb2.ErrFrameType) || errors.Is(err, smb2.ErrFrameTooLarge),
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, smbclient.ErrClosed),
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &network) || errors.As(err, &system):
		return undecided
	}
	return refused // we know no way to log on at this server
}

// judgeRefusal says what a status at a log-on means.
func judgeRefusal(s smb2.Status) outcome {
	switch s {
	case smb2.StatusLogonFailure, smb2.StatusWrongPassword, smb2.StatusAccountLockedOut:
		return wrongPassword
	case smb2.StatusInsufficientResources, smb2.StatusRequestNotAccepted, smb2.StatusNoMemory, smb2.StatusNetworkBusy,
		smb2.StatusTooManyOpenedFiles, smb2.StatusUserSessionDeleted:
		return undecided // clients fare no better
	}
	return refused
}

// ownFault reports whether err is ours and says nothing about the host.
func ownFault(err error) bool {
	for _, own := range []error{
		context.Canceled, ErrClosed, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EADDRNOTAVAIL,
	} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}
