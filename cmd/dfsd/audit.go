package main

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"dfsd/internal/audit"
	"dfsd/internal/event"
)

// auditLog records changes in the data directory. Where that cannot be written,
// clients are served all the same, and changes are refused until it can. It is
// safe for concurrent use.
type auditLog struct {
	dir string
	log *zap.Logger

	mu   sync.Mutex
	open *audit.Log // nil: it could not be opened yet
}

// newAuditLog opens the log, or says why changes are refused for now.
func newAuditLog(dir string, log *zap.Logger) *auditLog {
	a := &auditLog{dir: dir, log: log}
	if err := a.Check(context.Background()); err != nil {
		log.Error("the audit log cannot be written: changes are refused until it can",
			event.AuditUnwritable.Field(), zap.Error(err), zap.String("next_step", "make data_dir a directory that this user may write"))
	}
	return a
}

func (a *auditLog) opened() (*audit.Log, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open != nil {
		return a.open, nil
	}
	l, err := audit.Open(a.dir, audit.Options{Log: a.log})
	if err != nil {
		return nil, err
	}
	a.open = l
	return l, nil
}

// Check implements admin.Auditor.
func (a *auditLog) Check(ctx context.Context) error {
	l, err := a.opened()
	if err != nil {
		return err
	}
	return l.Check(ctx)
}

// Append implements admin.Auditor.
func (a *auditLog) Append(ctx context.Context, e audit.Entry) error {
	l, err := a.opened()
	if err != nil {
		return err
	}
	return l.Append(ctx, e)
}

// Close ends the log, if it was ever open.
func (a *auditLog) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		return nil
	}
	return a.open.Close()
}
