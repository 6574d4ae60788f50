package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/internal/smbauth"
)

// keytabTable keeps the Kerberos keys of this server in memory and notices that
// the keytab changed, so that new keys count from the next log-on. A keytab
// that has become unreadable leaves the last good one in force.
type keytabTable struct {
	path string
	log  *zap.Logger

	mu   sync.Mutex // guards the rest
	keys *smbauth.Keytab
	seen stamp
	told string // the fault that was told last
}

// openKeytab reads the keytab; nil where none is configured.
func openKeytab(path string, names []string, log *zap.Logger) (*keytabTable, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // no keytab, no table
	}
	t := &keytabTable{path: path, log: log}
	if err := t.refresh(); err != nil {
		return nil, withHint(fmt.Errorf("read smb.keytab: %w", err),
			"export it anew, on a Samba domain controller with: samba-tool domain exportkeytab %s --principal=cifs/%s", path, names[0])
	}
	t.log.Info("Kerberos keys read", zap.String("keytab", path), zap.Strings("principals", t.keys.Principals()))
	if !t.serves(names) {
		t.log.Warn("no key is for a name of this server: clients that ask for a ticket by its name are refused",
			zap.String("keytab", path), zap.Strings("names", names))
	}
	return t, nil
}

// serves tells whether some key is for a service under one of the names.
func (t *keytabTable) serves(names []string) bool {
	for _, p := range t.keys.Principals() {
		service, _, _ := strings.Cut(p, "@")
		_, host, _ := strings.Cut(service, "/")
		for _, n := range names {
			if strings.EqualFold(host, n) {
				return true
			}
		}
	}
	return false
}

// current returns the keys in force. Any goroutine may call it.
func (t *keytabTable) current() *smbauth.Keytab {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.refresh()
	switch {
	case err == nil:
		t.told = ""
	case err.Error() != t.told:
		t.told = err.Error()
		t.log.Error("keytab unreadable, the keys before stay in force", event.KeytabUnreadable.Field(), zap.String("keytab", t.path), zap.Error(err))
	}
	return t.keys
}

// refresh reads the file where its stamp is another.
func (t *keytabTable) refresh() error {
	st, err := os.Stat(t.path)
	if err != nil {
		return err
	}
	now := stamp{size: st.Size(), modified: st.ModTime()}
	if now == t.seen && time.Since(now.modified) > time.Minute { // a file that was written just now may be written again within a tick
		return nil
	}
	keys, err := smbauth.LoadKeytab(t.path)
	if err != nil {
		return err
	}
	t.seen, t.keys = now, keys
	return nil
}
