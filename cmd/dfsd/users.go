package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/internal/smbauth"
)

// userTable keeps the users file in memory and notices that it changed, so
// that `dfsd user set` counts from the next log-on. A file that has become
// unreadable leaves the last good table in force.
type userTable struct {
	path string
	log  *zap.Logger

	mu    sync.Mutex // guards the rest
	table *smbauth.Users
	seen  stamp
}

// stamp tells one writing of a file from another.
type stamp struct {
	size     int64
	modified time.Time
}

// openUserTable reads the users file. A file that does not exist yet is a
// table without users; any other fault is an error.
func openUserTable(path string, log *zap.Logger) (*userTable, error) {
	none, err := smbauth.NewUsers(nil)
	if err != nil {
		return nil, err
	}
	t := &userTable{path: path, log: log, table: none}
	if err := t.refresh(); err != nil {
		return nil, fmt.Errorf("read smb.users_file: %w", err)
	}
	if t.table.Len() == 0 && path != "" {
		log.Warn("no users: nobody can log on with a password", zap.String("users_file", path))
	}
	return t, nil
}

// current returns the table in force. Any goroutine may call it.
func (t *userTable) current() *smbauth.Users {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.refresh(); err != nil {
		t.log.Error("users file unreadable, the users before stay in force", event.UsersUnreadable.Field(), zap.String("users_file", t.path), zap.Error(err))
	}
	return t.table
}

// forget has the next log-on read the file, whatever its stamp.
func (t *userTable) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = stamp{}
}

// refresh reads the file where its stamp is another. It records the stamp of
// a faulty file too, so that each fault is told once.
func (t *userTable) refresh() error {
	if t.path == "" {
		return nil
	}
	st, err := os.Stat(t.path)
	if errors.Is(err, fs.ErrNotExist) && t.seen == (stamp{}) {
		return nil
	}
	if err != nil {
		return err
	}
	now := stamp{size: st.Size(), modified: st.ModTime()}
	if now == t.seen {
		return nil
	}
	t.seen = now
	table, err := smbauth.LoadUsers(t.path)
	if err != nil {
		return err
	}
	t.table = table
	return nil
}
