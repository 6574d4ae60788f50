package doctor

import (
	"context"
	"encoding/json"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWorst(t *testing.T) {
	for _, tt := range []struct {
		name  string
		found []Level
		want  Level
	}{
		{"nothing", nil, OK},
		{"skipped is worse than ok", []Level{OK, Skipped, OK}, Skipped},
		{"notice beats skipped", []Level{Notice, Skipped}, Notice},
		{"warning beats notice", []Level{Notice, Warning, OK}, Warning},
		{"failed beats all", []Level{Failed, Warning, Skipped}, Failed},
	} {
		var found []Finding
		for _, l := range tt.found {
			found = append(found, Finding{Level: l})
		}
		if got := Worst(found); got != tt.want {
			t.Errorf("%s: Worst() = %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestRunOrder lets later checks end first.
func TestRunOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var checks []Check
		var running, most atomic.Int32
		for i := range 30 {
			checks = append(checks, check(DNS, strconv.Itoa(i), func(_ context.Context, r *report) {
				most.Store(max(most.Load(), running.Add(1)))
				time.Sleep(time.Duration(30-i) * time.Millisecond)
				running.Add(-1)
				r.okf(strconv.Itoa(i), "fine")
			}))
		}
		var told int
		found := Run(t.Context(), checks, func(Finding) { told++ })
		for i, f := range found {
			if f.Subject != strconv.Itoa(i) || f.Seconds <= 0 {
				t.Errorf("finding %d is %+v", i, f)
			}
		}
		if len(found) != 30 || told != 30 || most.Load() != atOnce {
			t.Errorf("%d findings, %d told, %d at once, want 30, 30, %d", len(found), told, most.Load(), atOnce)
		}
	})
}

// TestRunHanging lets one check hang as a dead file system does, and one end
// with its context.
func TestRunHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		defer close(free)
		start := time.Now()
		found := Run(t.Context(), []Check{
			{Area: Disk, Name: "/dead", Run: func(context.Context) []Finding { <-free; return nil }},
			check(LDAP, "slow", func(ctx context.Context, r *report) { <-ctx.Done(); r.okf("slow", "ended") }),
		}, nil)
		if took := time.Since(start); took != checkTimeout+grace {
			t.Errorf("took %v", took)
		}
		wants(t, found, expect{Failed, "/dead", "no answer", "dmesg"}, expect{OK, "slow", "ended", ""})
	})
}

func TestRunInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	found := Run(ctx, []Check{check(Disk, "/", func(context.Context, *report) { t.Error("ran") })}, nil)
	wants(t, found, expect{Skipped, "/", "interrupted", ""})
}

// TestShape pins what scripts read.
func TestShape(t *testing.T) {
	b, err := json.Marshal(Finding{DNS, "s", Failed, "sum", "do", 0.5})
	if want := `{"area":"dns","subject":"s","level":"failed","summary":"sum","mend":"do","seconds":0.5}`; err != nil || string(b) != want {
		t.Errorf("%s, %v\nwant %s", b, err, want)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{"a b": "a b", "a\x1b[2J\nb": "a?[2J?b", "né": "né"} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
	if got := printable(string(make([]byte, 1000))); len(got) > maxText+4 {
		t.Errorf("%d bytes", len(got))
	}
}
