package sim

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write what the scripts give into their files")

const bar = "----\n"

// TestScripts plays the conversations of testdata/scripts, each with what every
// member then has.
func TestScripts(t *testing.T) {
	for _, file := range glob(t, "testdata/scripts/*.txt") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			script, want, _ := strings.Cut(string(b), bar)
			w := ParseScript(script).Run(1, nil)
			if strings.Contains(script, "oneway") {
				err = w.Err()
			} else {
				err = w.Check()
			}
			if err != nil {
				t.Fatal(err)
			}
			got := w.Report()
			if *rewrite {
				if err := os.WriteFile(file, []byte(script+bar+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

func TestUnknownCommandsFail(t *testing.T) {
	for _, s := range []string{"dance ber", "members ber\nedit ber a", "members ber\nedit par a v1", "members ber\nwait soon", "faults 1"} {
		if err := ParseScript(s).Run(1, nil).Err(); err == nil {
			t.Errorf("script %q passed", s)
		}
	}
}

// TestShrink drops what does not matter and keeps what does.
func TestShrink(t *testing.T) {
	s := ParseScript("members ber par; edit ber a v1; wait 1s; edit ber b v2; chmod ber a; heal; settle")
	got := s.Shrink(func(s Script) bool { return strings.Contains(s.String(), "b v2") })
	if want := "members ber par\nedit ber b v2\nheal\nsettle\n"; got.String() != want {
		t.Errorf("Shrink = %q, want %q", got.String(), want)
	}
}

// TestNothingIsSentTwice: once all is quiet, an answer to a member that has
// seen everything holds no record, whatever way the question goes.
func TestNothingIsSentTwice(t *testing.T) {
	w := ParseScript("members ber par nyc; edit ber a v1; mkdir par x; settle; edit nyc x/b v2; settle").Run(3, nil)
	before := w.records
	w.run(time.Minute)
	if w.records != before || before > 3*2*3 {
		t.Errorf("%d records were sent for 3 changes to 2 others, and %d more in a quiet minute", before, w.records-before)
	}
	if err := w.Check(); err != nil {
		t.Error(err)
	}
}
