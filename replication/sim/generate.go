package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Generate makes a random script of n commands that ends healed and settled.
func Generate(seed uint64, n int) Script {
	g := generator{rng: rand.New(rand.NewPCG(seed, 1))}
	g.members = []string{"ber", "par", "nyc", "tok"}[:2+g.rng.IntN(3)]
	verb := []string{"members ", "slowly ", "tightly 1 ", "tightly 2 "}[g.rng.IntN(4)]
	s := Script{verb + strings.Join(g.members, " ")}
	if g.rng.IntN(2) == 0 {
		s = append(s, fmt.Sprintf("faults %.2f %.2f %dms", g.rng.Float64()*0.3, g.rng.Float64()*0.3, 1+g.rng.IntN(2000)))
	}
	if g.rng.IntN(3) == 0 {
		s = append(s, "skew "+g.member()+fmt.Sprintf(" %dm", g.rng.IntN(20)-10))
	}
	for range n {
		s = append(s, g.command())
	}
	return append(s, "heal", "settle")
}

type generator struct {
	rng     *rand.Rand
	members []string
	saves   int
}

func (g *generator) member() string { return g.members[g.rng.IntN(len(g.members))] }

func (g *generator) pick(of string) string { return string(of[g.rng.IntN(len(of))]) }

// path is a path of few names, so that users meet.
func (g *generator) path() string {
	var parts []string
	for range g.rng.IntN(3) {
		parts = append(parts, g.pick("xy"))
	}
	return strings.Join(append(parts, g.pick("abxy")), "/")
}

func (g *generator) command() string {
	m := g.member()
	switch d := g.rng.IntN(100); {
	case d < 18:
		g.saves++
		return fmt.Sprintf("edit %s %s v%d", m, g.path(), g.saves)
	case d < 24:
		g.saves++
		return fmt.Sprintf("save %s %s v%d", m, g.path(), g.saves)
	case d < 34:
		return fmt.Sprintf("mkdir %s %s", m, g.path())
	case d < 52:
		return fmt.Sprintf("move %s %s %s", m, g.path(), g.path())
	case d < 61:
		return fmt.Sprintf("delete %s %s", m, g.path())
	case d < 64:
		return fmt.Sprintf("chmod %s %s", m, g.path())
	case d < 68:
		return "crash " + m
	case d < 73:
		return "restart " + m
	case d < 74:
		return "lose " + m
	case d < 79:
		return g.cut()
	case d < 82:
		return "heal"
	default:
		return fmt.Sprintf("wait %dms", 1<<g.rng.IntN(13))
	}
}

func (g *generator) cut() string {
	i := g.rng.IntN(len(g.members))
	j := (i + 1 + g.rng.IntN(len(g.members)-1)) % len(g.members)
	return fmt.Sprintf("cut %s %s", g.members[i], g.members[j])
}

// Shrink drops commands from a failing script as long as it keeps failing.
// The first command, and the last two that heal and settle, stay.
func (s Script) Shrink(fails func(Script) bool) Script {
	for size := len(s) / 2; size > 0; {
		dropped := false
		for i := 1; i+size <= len(s)-2; {
			if t := slices.Delete(slices.Clone(s), i, i+size); fails(t) {
				s, dropped = t, true
			} else {
				i += size
			}
		}
		if !dropped || size > 1 {
			size /= 2
		}
	}
	return s
}
