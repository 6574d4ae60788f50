package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"dfsd/internal/admin"
	"dfsd/replication/status"
)

// onTerminal is a watch that draws on a terminal of that size.
func onTerminal(out io.Writer, width, height int) *watch {
	return &watch{out: out, form: "table", every: 2 * time.Second, size: func() (int, int, error) { return width, height, nil }}
}

// screen is what stands on a terminal after a drawing.
func screen(t *testing.T, drawn string) []string {
	t.Helper()
	inner, ok := strings.CutPrefix(drawn, "\x1b[H")
	if !ok || !strings.HasSuffix(inner, "\x1b[K\n\x1b[J") {
		t.Fatalf("drawn: %q", drawn)
	}
	return strings.Split(strings.TrimSuffix(inner, "\x1b[K\n\x1b[J"), "\x1b[K\n")
}

func TestWatchDrawsInPlace(t *testing.T) {
	var b bytes.Buffer
	w := onTerminal(&b, 200, 50)
	s := testStatus()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	if err := w.show(s, nil, now); err != nil {
		t.Fatal(err)
	}
	got := screen(t, b.String())
	if want := append([]string{"fs1  12:00:00, every 2s; Ctrl-C ends it", ""}, strings.Split(strings.TrimSpace(statusWant), "\n")...); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("drawn\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// The second look knows rates; a session that began anew has none.
	next := testStatus()
	next.Folders[0].Connections[0].SentBytes, next.Folders[0].Connections[0].ReceivedBytes = 4<<20, 2048
	s.Folders[0].Connections[1].SentBytes = 10
	b.Reset()
	if err := w.show(next, nil, now.Add(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(screen(t, b.String()), "\n")
	if !strings.Contains(text, "no backlog; sends 2 MiB/s, receives 1 KiB/s\n") && !strings.HasSuffix(text, "no backlog; sends 2 MiB/s, receives 1 KiB/s") {
		t.Errorf("without rates:\n%s", text)
	}
	if strings.Contains(text, "oldest 3 min 20 s; sends") {
		t.Errorf("a new session has a rate:\n%s", text)
	}

	// The daemon restarts: the last table stays, and says of when it is.
	b.Reset()
	if err := w.show(status.Replication{}, fmt.Errorf("%w on x", admin.ErrUnreachable), now.Add(4*time.Second)); err != nil {
		t.Fatal(err)
	}
	got = screen(t, b.String())
	if got[0] != "fs1  12:00:04: daemon unreachable on x; this is of 12:00:02" || len(got) < 5 {
		t.Errorf("without the daemon:\n%s", strings.Join(got, "\n"))
	}
	if err := w.show(status.Replication{}, admin.ErrUnknownFolder, now); !errors.Is(err, admin.ErrUnknownFolder) {
		t.Errorf("a folder that has gone = %v", err)
	}
}

func TestWatchFitsTheTerminal(t *testing.T) {
	for height := 3; height < 14; height++ {
		var b bytes.Buffer
		if err := onTerminal(&b, 40, height).show(testStatus(), nil, time.Now()); err != nil {
			t.Fatal(err)
		}
		got := screen(t, b.String())
		if len(got) > height-1 {
			t.Errorf("%d lines on a terminal of %d", len(got), height)
		}
		for _, line := range got {
			if len([]rune(line)) > 40 {
				t.Errorf("line %q is wider than 40", line)
			}
		}
	}
}

// TestWatchWithoutATerminal prints look below look until it is interrupted.
func TestWatchWithoutATerminal(t *testing.T) {
	socket := serveReplicas(t, &oneReplicas{status: testStatus()})
	for form, separator := range map[string]string{"json": "", "yaml": "---\n", "table": "\n\n"} {
		ctx, stop := context.WithCancel(t.Context())
		read, write := io.Pipe()
		ended := make(chan int, 1)
		go func() {
			code := run(ctx, streams{out: write, err: io.Discard}, []string{"replication", "status", "--watch", "100ms", "--socket", socket, "-o", form})
			_ = write.Close() // never fails
			ended <- code
		}()
		var got []byte
		looks := func() int { return bytes.Count(got, []byte("initial-sync")) }
		buf := make([]byte, 4096)
		for looks() < 2 {
			n, err := read.Read(buf)
			if err != nil {
				t.Fatalf("%s: the watch ended with %v after\n%s", form, err, got)
			}
			got = append(got, buf[:n]...)
		}
		stop()
		rest, err := io.ReadAll(read)
		if code := <-ended; code != exitFine || err != nil {
			t.Errorf("%s: an interrupted watch = %d, %v", form, code, err)
		}
		got = append(got, rest...)
		if !bytes.Contains(got, []byte(separator)) || bytes.Contains(got, []byte("\x1b")) {
			t.Errorf("%s: printed %q", form, got)
		}
		if form == "json" {
			var s status.Replication
			for d := json.NewDecoder(bytes.NewReader(got)); d.More(); {
				if err := d.Decode(&s); err != nil || len(s.Folders) != 4 {
					t.Errorf("one of the looks = %+v, %v", s, err)
					break
				}
			}
		}
	}
}

func TestWatchEndsAtTheFirstErrorWithoutATerminal(t *testing.T) {
	w := &watch{out: io.Discard, form: "table"}
	if err := w.show(testStatus(), nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := w.show(status.Replication{}, admin.ErrUnreachable, time.Now()); !errors.Is(err, admin.ErrUnreachable) {
		t.Errorf("without a daemon = %v, want %v", err, admin.ErrUnreachable)
	}
}
