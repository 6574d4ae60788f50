package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	"go.uber.org/zap"

	"dfsd/configs"
	"dfsd/internal/admin"
	"dfsd/internal/audit"
	"dfsd/internal/event"
	"dfsd/replication"
	"dfsd/replication/engine"
	"dfsd/sites/adsites"
)

// reloadOn reloads at each hang-up until ctx ends.
func (d *daemon) reloadOn(ctx context.Context, hangup <-chan os.Signal) {
	for {
		select {
		case <-hangup:
			d.reloadBySignal(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// reloadBySignal reloads and records it. What came of it is told in the log, where
// a signal's sender looks.
func (d *daemon) reloadBySignal(ctx context.Context) {
	e := audit.Entry{
		Who: audit.Who{Way: audit.Signal, UID: -1}, Action: "configuration.reload", Object: "configuration", Before: inJSON(d.Configuration()),
	}
	if err := d.Reload(ctx); err != nil {
		e.Result = err.Error()
	}
	e.After = inJSON(d.Configuration())
	if err := d.audit.Append(context.WithoutCancel(ctx), e); err != nil {
		d.log.Error("a reload was not recorded", zap.Error(err))
	}
}

func inJSON(c admin.Configuration) json.RawMessage {
	b, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("strings do not go as JSON: %v", err)) // our own type
	}
	return b
}

// Reload implements admin.Daemon. A faulty configuration changes nothing.
func (d *daemon) Reload(context.Context) error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	d.tell(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", monotonicMicroseconds()))
	err := d.reload()
	d.metrics.reloaded(err)
	d.refused.Store(nil)
	if err != nil {
		text := err.Error()
		d.refused.Store(&text)
		d.log.Error("configuration refused, the one before stays in force", event.ConfigurationRefused.Field(), zap.String("file", d.from.path()), zap.Error(err))
		d.tell("READY=1\nSTATUS=Serving " + d.summary() + "; the newest configuration was refused")
		return fmt.Errorf("%w, the one before stays in force: %w", admin.ErrRefused, err)
	}
	d.tell("READY=1\nSTATUS=Serving " + d.summary())
	return nil
}

func (d *daemon) reload() error {
	read, err := readState(d.from)
	if err != nil {
		return err
	}
	next, err := d.see(read)
	if err != nil {
		return err
	}
	change, err := d.prepareReplication(next.config)
	if err != nil {
		return err
	}
	late := needRestart(d.targets.began, next.config)
	next.about.RestartNeeded, next.about.Host = late, d.targets.began.Host
	if len(late) > 0 {
		d.log.Warn("a restart is needed for some changes", event.RestartNeeded.Field(), zap.String("settings", strings.Join(late, ", ")))
	}
	d.use(next)
	if change != nil {
		change.Use()
	}
	if d.smb != nil {
		d.users.file.forget()
		if d.keytab != nil {
			d.keytab.file.forget()
		}
		d.smb.NamespaceChanged()
	}
	d.log.Info("configuration read", event.ConfigurationRead.Field(), zap.String("file", d.from.path()), zap.String("digest", next.about.Digest))
	return nil
}

// prepareReplication returns what makes the engine follow a file; nil on a host
// that replicates nothing.
func (d *daemon) prepareReplication(file *configs.File) (*engine.Change, error) {
	if d.engine == nil {
		return nil, nil
	}
	c := file.Replication
	if c == nil {
		c = &replication.Config{}
	}
	change, err := d.engine.Prepare(*c)
	if err != nil {
		return nil, fmt.Errorf("replication: %w", err)
	}
	return change, nil
}

func ldapOf(file *configs.File) *adsites.Config {
	if file.Sites == nil {
		return nil
	}
	return file.Sites.LDAP
}

// needRestart names the settings that differ and that a running daemon keeps
// as they were when it started.
func needRestart(old, next *configs.File) []string {
	var late []string
	for _, s := range []struct {
		name      string
		old, next any
	}{
		{"host", old.Host, next.Host},
		{"data_dir", old.DataDir, next.DataDir},
		{"log.format", old.Log.Format, next.Log.Format},
		{"admin", old.Admin, next.Admin},
		{"smb", old.SMB, next.SMB},
		{"sites.ldap", ldapOf(old), ldapOf(next)},
	} {
		if !reflect.DeepEqual(s.old, s.next) {
			late = append(late, s.name)
		}
	}
	return append(late, replicationLate(old, next)...)
}

// replicationLate is needRestart of the section `replication`: a running engine
// follows all of it but the address that it listens on, and a host that had nothing
// to do with it has none.
func replicationLate(old, next *configs.File) []string {
	file := *next
	file.Host = old.Host // another host is named by itself
	if !replicates(old) && (replicates(&file) || !observes(old) && observes(&file)) {
		return []string{"replication"}
	}
	if replicates(old) && listenOf(old) != listenOf(next) {
		return []string{"replication.listen"}
	}
	return nil
}

func listenOf(file *configs.File) string {
	if file.Replication == nil {
		return ""
	}
	return file.Replication.Listen
}
