package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dfsd/internal/admin"
	"dfsd/replication/status"
)

// minWatch keeps a watch from becoming a load.
const minWatch = 100 * time.Millisecond

// watchStatus looks and shows again and again until it is interrupted, which
// is a good end. On a terminal it draws in place, and a daemon that was there
// once may restart meanwhile; elsewhere each look is printed below the one
// before, and the first error ends it.
func watchStatus(cmd *cobra.Command, every time.Duration, form format, look func() (status.Replication, error)) error {
	if every < minWatch {
		return usageError(cmd, fmt.Errorf("--watch: %s is below %s", every, minWatch))
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd.SetContext(ctx)
	w := &watch{out: cmd.OutOrStdout(), form: form, every: every}
	if file, ok := w.out.(*os.File); ok && form == "table" && isTerminal(file) {
		w.size = func() (int, int, error) { return term.GetSize(int(file.Fd())) }
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		s, err := look()
		if ctx.Err() != nil {
			return nil
		}
		if err := w.show(s, err, time.Now()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// watch shows a status again and again.
type watch struct {
	out   io.Writer
	form  format
	every time.Duration
	size  func() (width, height int, err error) // of the terminal; nil elsewhere

	looks int // that succeeded
	last  status.Replication
	when  time.Time // of last
	drawn string    // the table of last
}

// show shows what a look at the time now found, or why it found nothing. It
// returns the errors that end the watch.
func (w *watch) show(s status.Replication, lookErr error, now time.Time) error {
	if lookErr != nil && !w.outlives(lookErr) {
		return lookErr
	}
	if w.size == nil {
		return w.print(s, now)
	}
	head := fmt.Sprintf("%s  %s, every %s; Ctrl-C ends it", shown(s.Host), now.Format(time.TimeOnly), w.every)
	if lookErr != nil {
		head = fmt.Sprintf("%s  %s: %s; this is of %s", shown(w.last.Host), now.Format(time.TimeOnly), oneLine(lookErr.Error()), w.when.Format(time.TimeOnly))
		return w.draw(head, w.drawn)
	}
	var b bytes.Buffer
	if err := w.form.write(&b, s, func(t *tabwriter.Writer) { statusTable(t, s, w.rates(s, now)) }); err != nil {
		return err
	}
	w.remember(s, now)
	w.drawn = b.String()
	return w.draw(head, w.drawn)
}

// outlives tells whether the watch goes on after an error.
func (w *watch) outlives(err error) bool {
	return w.size != nil && w.looks > 0 && (errors.Is(err, admin.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded))
}

func (w *watch) remember(s status.Replication, now time.Time) {
	w.looks++
	w.last, w.when = s, now
}

// print writes one look below the one before.
func (w *watch) print(s status.Replication, now time.Time) error {
	if w.looks > 0 {
		switch w.form {
		case "yaml":
			fmt.Fprintln(w.out, "---")
		case "table":
			fmt.Fprintln(w.out)
		}
	}
	rates := w.rates(s, now)
	w.remember(s, now)
	return w.form.write(w.out, s, func(t *tabwriter.Writer) {
		fmt.Fprintln(t, now.UTC().Format(time.RFC3339))
		statusTable(t, s, rates)
	})
}

// draw puts head and body on the terminal in place of what stood there, cut to
// its size so that nothing scrolls.
func (w *watch) draw(head, body string) error {
	width, height, err := w.size()
	if err != nil || width < 20 || height < 3 {
		width, height = 80, 24
	}
	lines := strings.Split(strings.TrimSuffix(head+"\n\n"+body, "\n"), "\n")
	if cut := len(lines) - (height - 1); cut > 0 {
		lines = append(lines[:height-2], fmt.Sprintf("… %d more lines", cut+1))
	}
	var b strings.Builder
	b.WriteString("\x1b[H") // home
	for _, line := range lines {
		if runes := []rune(line); len(runes) > width {
			line = string(runes[:width-1]) + "…"
		}
		b.WriteString(line + "\x1b[K\n") // erase what the line before left
	}
	b.WriteString("\x1b[J") // and the rest of the screen
	_, err = io.WriteString(w.out, b.String())
	return err
}

// rates compares s with the look before.
func (w *watch) rates(s status.Replication, now time.Time) wireRates {
	span := now.Sub(w.when).Seconds()
	if w.looks == 0 || span <= 0 {
		return nil
	}
	before := map[connectionKey]status.Connection{}
	for _, f := range w.last.Folders {
		for _, c := range f.Connections {
			before[connectionKey{f.Group, f.Folder, c.From, c.To}] = c
		}
	}
	rates := wireRates{}
	for _, f := range s.Folders {
		for _, c := range f.Connections {
			key := connectionKey{f.Group, f.Folder, c.From, c.To}
			b, known := before[key]
			if !known || c.SentBytes < b.SentBytes || c.ReceivedBytes < b.ReceivedBytes {
				continue // a new session counts from 0
			}
			rates[key] = wireRate{sent: float64(c.SentBytes-b.SentBytes) / span, received: float64(c.ReceivedBytes-b.ReceivedBytes) / span}
		}
	}
	return rates
}
