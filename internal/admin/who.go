package admin

import (
	"context"
	"net"
	"net/http"
	"os/user"
	"strconv"
	"sync"
	"time"

	"dfsd/internal/audit"
)

// Keys of what a request's context knows of its caller.
type (
	peerKey    struct{} // the uid at the other end of a unix socket
	trustedKey struct{} // that Protect has seen the token
)

// SocketContext notes in ctx which user is at the other end of a unix socket;
// it is the ConnContext of the http.Server that serves one. On other
// connections, and where the system does not tell, it returns ctx as it is.
func SocketContext(ctx context.Context, c net.Conn) context.Context {
	if unix, isUnix := c.(*net.UnixConn); isUnix {
		if uid, known := peerUID(unix); known {
			return context.WithValue(ctx, peerKey{}, uid)
		}
	}
	return ctx
}

// who says where a request came from.
func (a *api) who(r *http.Request) audit.Who {
	ctx := r.Context()
	if uid, known := ctx.Value(peerKey{}).(int); known {
		return audit.Who{Way: audit.Socket, User: a.users.name(uid), UID: uid}
	}
	if at, ok := ctx.Value(http.LocalAddrContextKey).(net.Addr); ok && at.Network() == "unix" {
		return audit.Who{Way: audit.Socket, UID: -1}
	}
	w := audit.Who{Way: audit.HTTP, UID: -1, Address: r.RemoteAddr}
	if ctx.Value(trustedKey{}) != nil {
		w.User = "token"
	}
	return w
}

const (
	// nameWait is how long a change waits for the name of its user.
	nameWait = 200 * time.Millisecond
	// maxNames bounds how many names are remembered.
	maxNames = 256
)

// userNames knows the names of users. It is safe for concurrent use.
type userNames struct {
	lookup func(uid string) (*user.User, error)
	one    chan struct{} // held by the one look-up that may be under way

	mu    sync.Mutex
	known map[int]string // guarded by mu
}

func newUserNames() *userNames {
	return &userNames{lookup: user.LookupId, one: make(chan struct{}, 1), known: map[int]string{}}
}

// name is the name of a user, or its number where the system's directory does
// not answer in time. A directory that hangs holds up one look-up alone: it
// cannot be ended, but while it is under way no other is begun, and what it
// finds is there for the next change.
func (u *userNames) name(uid int) string {
	if name, known := u.remembered(uid); known {
		return name
	}
	patience := time.NewTimer(nameWait)
	defer patience.Stop()
	select {
	case u.one <- struct{}{}:
	case <-patience.C:
		return strconv.Itoa(uid)
	}
	found := make(chan struct{})
	go func() {
		defer func() { close(found); <-u.one }()
		if of, err := u.lookup(strconv.Itoa(uid)); err == nil {
			u.remember(uid, of.Username)
		}
	}()
	select {
	case <-found:
	case <-patience.C:
	}
	if name, known := u.remembered(uid); known {
		return name
	}
	return strconv.Itoa(uid)
}

func (u *userNames) remembered(uid int) (string, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	name, known := u.known[uid]
	return name, known
}

func (u *userNames) remember(uid int, name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.known) >= maxNames {
		clear(u.known)
	}
	u.known[uid] = name
}
