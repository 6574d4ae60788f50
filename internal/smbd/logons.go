package smbd

import (
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"dfsd/internal/event"
	"dfsd/internal/smbauth"
)

// The result labels of dfsd_smb_auth_total.
const (
	logonOK        = "ok"
	logonRefused   = "refused"
	logonMalformed = "malformed"
)

// mechUnknown is the mech label of a log-on that ended before its mechanism was
// told.
const mechUnknown = "unknown"

func (m *Metrics) countLogon(mech, result string) {
	m.auth.WithLabelValues(mech, result).Inc()
}

// countFailure counts a log-on that failed, and logs it. identity is whom the
// server's policy refused; nil: nobody was proven.
func (c *conn) countFailure(err error, identity *smbauth.Identity) {
	m := c.server.metrics
	line := []zap.Field{zap.Stringer("client", c.client), zap.Error(err)}
	var refused *smbauth.LogonError
	switch {
	case errors.As(err, &refused):
		m.countLogon(refused.Mechanism, logonRefused)
		line = append(line, zap.String("user", refused.User), zap.String("domain", refused.Domain),
			zap.String("workstation", refused.Workstation), zap.Stringer("why", refused.Reason))
		if refused.Mechanism == smbauth.MechanismKerberos {
			line = append(line, zap.String("service", refused.Service), zap.String("detail", refused.Detail))
		}
	case identity != nil:
		m.countLogon(identity.Mechanism, logonRefused)
		line = append(line, zap.String("user", identity.User), zap.String("domain", identity.Domain))
	case errors.Is(err, smbauth.ErrMalformedToken), errors.Is(err, smbauth.ErrNoMechanism):
		m.malformed[stageToken].Inc()
		m.countLogon(mechUnknown, logonMalformed)
	default:
		m.countLogon(mechUnknown, logonRefused)
	}
	c.server.failures.write(line)
}

// logonLog writes a line for each failed log-on, as long as they are not too
// many; the next line then says how many were left out. Safe for concurrent
// use.
type logonLog struct {
	log     *zap.Logger
	limit   *rate.Limiter
	leftOut atomic.Int64
}

// Failed log-ons logged a second in the long run, and at once.
const (
	logonLines = 5
	logonBurst = 50
)

func newLogonLog(log *zap.Logger) *logonLog {
	return &logonLog{log: log, limit: rate.NewLimiter(logonLines, logonBurst)}
}

// write logs a failure. The fields hold no secret.
func (l *logonLog) write(line []zap.Field) {
	if !l.limit.AllowN(time.Now(), 1) {
		l.leftOut.Add(1)
		return
	}
	l.log.Info("log-on failed", append(line, event.LogonFailed.Field(), zap.Int64("left_out", l.leftOut.Swap(0)))...)
}
