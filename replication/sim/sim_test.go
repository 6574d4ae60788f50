package sim

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	fresh    = flag.Duration("sim.fresh", 0, "run fresh seeds for this long")
	from     = flag.Uint64("sim.from", 0, "the first of the fresh seeds; 0: one that nobody has run before")
	one      = flag.Uint64("sim.seed", 0, "run this seed alone, with its trace")
	commands = flag.Int("sim.commands", 60, "commands of a random script")
)

func verdict(s Script, seed uint64) error { return s.Run(seed, nil).Check() }

func tryRandom(t *testing.T, seed uint64) (steps int) {
	t.Helper()
	s := Generate(seed, *commands)
	w := s.Run(seed, nil)
	if err := w.Check(); err != nil {
		small := s.Shrink(func(s Script) bool { return verdict(s, seed) != nil })
		t.Errorf("seed %d: %v\nshrunk to (%v):\n%s", seed, err, verdict(small, seed), small)
	}
	return w.Steps()
}

// TestSeeds runs a fixed set of random scripts.
func TestSeeds(t *testing.T) {
	steps := 0
	for seed := range uint64(300) {
		if steps += tryRandom(t, seed+1); t.Failed() {
			break
		}
	}
	t.Logf("%d steps", steps)
}

// TestFresh runs seeds one after the other, from -sim.from or from one that nobody
// has run before, for as long as -sim.fresh says.
func TestFresh(t *testing.T) {
	if *fresh == 0 {
		t.Skip("no -sim.fresh")
	}
	seeds, steps := 0, 0
	first := *from
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	}
	for end := time.Now().Add(*fresh); time.Now().Before(end) && !t.Failed(); seeds++ {
		steps += tryRandom(t, first+uint64(seeds))
	}
	t.Logf("%d seeds from %d, %d steps", seeds, first, steps)
}

// TestOne traces the seed given by -sim.seed.
func TestOne(t *testing.T) {
	if *one == 0 {
		t.Skip("no -sim.seed")
	}
	s := Generate(*one, *commands)
	fails := func(s Script) bool { return verdict(s, *one) != nil }
	if fails(s) {
		s = s.Shrink(fails)
	}
	w := s.Run(*one, func(line string) { t.Log(line) })
	t.Logf("%s\n%v", w.Report(), w.Check())
}

// TestRepeats: equal seeds give equal traces.
func TestRepeats(t *testing.T) {
	for seed := range uint64(20) {
		a, b := Generate(seed, 60).Run(seed, nil), Generate(seed, 60).Run(seed, nil)
		if a.Sum() != b.Sum() || a.Steps() != b.Steps() {
			t.Errorf("seed %d: traces %x and %x of %d and %d steps", seed, a.Sum(), b.Sum(), a.Steps(), b.Steps())
		}
	}
}

// TestRegressions runs the scripts that failed once. The first line of each is
// `# seed N`.
func TestRegressions(t *testing.T) {
	for _, file := range glob(t, "testdata/regressions/*.txt") {
		if err := verdictOf(t, file); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func verdictOf(t *testing.T, file string) error {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	seed, err := strconv.ParseUint(strings.TrimPrefix(line, "# seed "), 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return verdict(ParseScript(string(b)), seed)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}
