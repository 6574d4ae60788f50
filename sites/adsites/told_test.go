package adsites

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestTellsOnce: a server's fault is logged when it comes and when it becomes
// another, however often the server is asked.
func TestTellsOnce(t *testing.T) {
	logs, seen := observer.New(zap.InfoLevel)
	fault := errors.New("no route")
	r := NewReader(Config{URLs: URLs{"ldaps://a", "ldaps://b"}}, Options{
		Log: zap.New(logs), Dial: func(context.Context, string, string) (net.Conn, error) { return nil, fault },
	})
	for i, tt := range []struct {
		fault error
		want  int // lines so far, one a server
	}{{fault, 2}, {fault, 2}, {errors.New("refused"), 4}, {errors.New("refused"), 4}, {fault, 6}} {
		fault = tt.fault
		if _, err := r.Read(t.Context()); !errors.Is(err, tt.fault) {
			t.Errorf("%d: Read() = %v, want %v", i, err, tt.fault)
		}
		if seen.Len() != tt.want {
			t.Errorf("%d: %d lines are logged, want %d: %v", i, seen.Len(), tt.want, seen.All())
		}
	}
}

// TestExposedPasswordTold: a password file that everybody may read is logged
// once for each mode, and again when it has been closed and opened.
func TestExposedPasswordTold(t *testing.T) {
	logs, seen := observer.New(zap.WarnLevel)
	r := NewReader(Config{}, Options{Log: zap.New(logs)})
	name := writeFile(t, "pw", []byte("secret\n"))
	for i, tt := range []struct {
		mode os.FileMode
		want int // lines so far
	}{{0o600, 0}, {0o644, 1}, {0o644, 1}, {0o604, 2}, {0o640, 2}, {0o604, 3}} {
		if err := os.Chmod(name, tt.mode); err != nil {
			t.Fatal(err)
		}
		if password, err := r.password(name); password != "secret" || err != nil {
			t.Errorf("%d: password() = %q, %v", i, password, err)
		}
		if seen.Len() != tt.want {
			t.Errorf("%d: %d lines are logged for mode %v, want %d", i, seen.Len(), tt.mode, tt.want)
		}
	}
}
