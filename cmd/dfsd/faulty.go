package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"dfsd/configs"
	"dfsd/internal/admin"
)

// despite finds the daemon of a file that cannot be loaded, because of fault: it
// goes on with what stood there before, and is asked for that. talk is told of it
// once. Where no daemon answers, the error is the fault and that.
func (f *daemonFlags) despite(ctx context.Context, talk io.Writer, fault error) (*admin.Client, error) {
	socket, named := socketDespite(f.path())
	return f.daemonOn(ctx, socket, named, talk, fault)
}

// daemonOn is despite for a socket; one that the file does not name for sure is
// that of this daemon only if it says so itself.
func (f *daemonFlags) daemonOn(ctx context.Context, socket string, named bool, talk io.Writer, fault error) (*admin.Client, error) {
	c := admin.NewClient(socket)
	soon, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	running, err := c.Configuration(soon)
	var refused *configs.Error
	switch {
	case err != nil && !errors.As(fault, &refused):
		return nil, fault // a file that is not there: its name is wrong, most likely
	case err != nil:
		return nil, withHint(errors.Join(fault, &harmlessError{err}), "is `dfsd serve` running? --socket PATH names another admin socket")
	case !named && !sameFile(running.File, f.path()):
		return nil, withHint(fault, "the daemon on %s runs %s; --socket %s asks it all the same", socket, shown(running.File), socket)
	}
	if !f.told {
		f.told = true
		fmt.Fprintf(talk, "note: %s cannot be used, `dfsd config check` says why; the daemon on %s goes on with what it read at %s\n",
			f.path(), socket, shown(running.Loaded))
	}
	return c, nil
}

// sameFile tells whether two paths name one file, which need not be there.
func sameFile(a, b string) bool {
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	if errA == nil && errB == nil && absA == absB {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// maxFaulty bounds what is read of a file that cannot be loaded, in bytes.
const maxFaulty = 64 << 20

// socketDespite is the admin socket of a file that cannot be loaded as a whole.
// Where nothing can be told from the file it is the default, and not named.
func socketDespite(path string) (socket string, named bool) {
	file, err := os.Open(path)
	if err != nil {
		return configs.AdminSocket(nil)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFaulty))
	if err != nil {
		return configs.AdminSocket(nil)
	}
	return configs.AdminSocket(text)
}
