package main

import (
	"fmt"
	"strings"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/internal/smbauth"
)

// keytabTable is the Kerberos keys of this server. A new keytab counts from the
// next log-on.
type keytabTable struct {
	file reread[*smbauth.Keytab]
	log  *zap.Logger
}

// openKeytab reads the keytab; nil where none is configured.
func openKeytab(path string, names []string, log *zap.Logger) (*keytabTable, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // no keytab, no table
	}
	t := &keytabTable{file: reread[*smbauth.Keytab]{path: path, load: smbauth.LoadKeytab}, log: log}
	keys, err := t.file.latest()
	if err != nil {
		return nil, withHint(fmt.Errorf("read smb.keytab: %w", err),
			"export it anew, on a Samba domain controller with: samba-tool domain exportkeytab %s --principal=cifs/%s", path, names[0])
	}
	log.Info("Kerberos keys read", zap.String("keytab", path), zap.Strings("principals", keys.Principals()))
	if !serves(keys, names) {
		log.Warn("no key is for a name of this server: clients that ask for a ticket by its name are refused",
			zap.String("keytab", path), zap.Strings("names", names))
	}
	return t, nil
}

// serves tells whether some key is for a service under one of the names.
func serves(keys *smbauth.Keytab, names []string) bool {
	for _, p := range keys.Principals() {
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
	keys, err := t.file.latest()
	if err != nil {
		t.log.Error("keytab unreadable, the keys before stay in force", event.KeytabUnreadable.Field(), zap.String("keytab", t.file.path), zap.Error(err))
	}
	return keys
}
