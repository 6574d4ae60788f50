package main

import (
	"errors"
	"fmt"
	"io/fs"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/internal/smbauth"
)

// userTable is the users of the users file, so that `dfsd user set` counts from
// the next log-on.
type userTable struct {
	file reread[*smbauth.Users]
	none *smbauth.Users // while the file has never been there
	log  *zap.Logger
}

// openUserTable reads the users file. A file that does not exist yet, or that
// nothing was written to, is a table without users; any other fault is an error.
// Later, what is missing or empty is a fault, too: the users before are not lost
// to a writer that was cut off.
func openUserTable(path string, log *zap.Logger) (*userTable, error) {
	none, err := smbauth.NewUsers(nil)
	if err != nil {
		return nil, err
	}
	t := &userTable{file: reread[*smbauth.Users]{path: path, load: smbauth.LoadUsers}, none: none, log: log}
	if path == "" {
		return t, nil
	}
	table, err := t.file.latest()
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, smbauth.ErrEmpty):
		return nil, fmt.Errorf("read smb.users_file: %w", err)
	case err != nil || table.Len() == 0:
		log.Warn("no users: nobody can log on with a password", zap.String("users_file", path))
	}
	return t, nil
}

// current returns the table in force. Any goroutine may call it.
func (t *userTable) current() *smbauth.Users {
	if t.file.path == "" {
		return t.none
	}
	table, err := t.file.latest()
	if err != nil {
		t.log.Error("users file unreadable, the users before stay in force", event.UsersUnreadable.Field(), zap.String("users_file", t.file.path), zap.Error(err))
	}
	if table == nil {
		return t.none
	}
	return table
}
