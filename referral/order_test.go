package referral

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"dfsd/namespace"
)

func TestOrder(t *testing.T) {
	random := func(c *namespace.Config) { c.Ordering = namespace.Random }
	tests := []struct {
		name     string
		change   func(c *namespace.Config)
		client   netip.Addr
		targets  []string
		states   states
		want     string
		excluded string
	}{
		{
			name: "by cost", client: london,
			targets: []string{"tok Tokyo", "isl Island", "par Paris", "lon London", "lon2 London"},
			want:    "lon lon2 | par | tok | isl",
		},
		{
			name: "from the other end", client: tokyo,
			targets: []string{"lon London", "par Paris", "tok Tokyo"}, want: "tok | par | lon",
		},
		{
			name: "no route and no site are equally far", client: london,
			targets: []string{"isl Island", "non -", "mis Rome", "par Paris"}, want: "par | isl non mis",
		},
		{
			name: "a client without site", client: nowhere,
			targets: []string{"tok Tokyo", "lon London", "non -"}, want: "tok lon non",
		},
		{
			name: "ordering random", change: random, client: london,
			targets: []string{"tok Tokyo", "lon London", "par Paris", "non -", "lon2 London"}, want: "lon lon2 | tok par non",
		},
		{
			name: "ordering random, a client without site", change: random, client: nowhere,
			targets: []string{"tok Tokyo", "lon London", "non -"}, want: "tok lon non",
		},
		{
			name: "global classes before and behind cost", client: london,
			targets: []string{"low London global-low", "lon London", "high Tokyo global-high", "tok Tokyo"},
			want:    "high | lon | tok | low",
		},
		{
			name: "cost within the global classes", client: london,
			targets: []string{"ht Tokyo global-high", "hl London global-high", "lt Tokyo global-low", "ll London global-low"},
			want:    "hl | ht | ll | lt",
		},
		{
			name: "cost beats class", client: london,
			targets: []string{"hp Paris site-cost-high", "nl London", "ll London site-cost-low", "hl London site-cost-high"},
			want:    "hl | nl | ll | hp",
		},
		{
			name: "class beats rank", client: london,
			targets: []string{"n0 London rank0", "h31 London site-cost-high rank31", "l0 London site-cost-low"},
			want:    "h31 | n0 | l0",
		},
		{
			name: "rank within class", client: london,
			targets: []string{"b London rank2", "a London rank1", "c London rank31", "b2 London rank2", "z London"},
			want:    "z | a | b b2 | c",
		},
		{
			name: "cost beats rank in a global class", client: london,
			targets: []string{"t0 Tokyo global-high", "l5 London global-high rank5"}, want: "l5 | t0",
		},
		{
			name: "classes with ordering random", change: random, client: london,
			targets: []string{"tok Tokyo site-cost-low", "par Paris site-cost-high", "lon London site-cost-low", "gl London global-low"},
			want:    "lon | par | tok | gl",
		},
		{
			name: "in site only, by the namespace", change: func(c *namespace.Config) { c.InSiteOnly = true }, client: london,
			targets: []string{
				"lon London", "par Paris", "non -", "gh Tokyo global-high", "gl Tokyo global-low",
				"sh Paris site-cost-high", "sl Paris site-cost-low",
			},
			want:     "gh | lon | gl",
			excluded: "par:in-site-only-namespace non:in-site-only-namespace sh:in-site-only-namespace sl:in-site-only-namespace",
		},
		{
			name: "in site only, by the folder", change: func(c *namespace.Config) { c.Folders[0].InSiteOnly = true }, client: london,
			targets: []string{"lon London", "par Paris"}, want: "lon", excluded: "par:in-site-only-folder",
		},
		{
			name: "in site only, nobody there", change: func(c *namespace.Config) { c.InSiteOnly = true }, client: tokyo,
			targets: []string{"lon London", "par Paris"}, want: "",
			excluded: "lon:in-site-only-namespace par:in-site-only-namespace",
		},
		{
			name: "in site only, a client without site", change: func(c *namespace.Config) { c.InSiteOnly = true }, client: nowhere,
			targets: []string{"non -", "gl Tokyo global-low"}, want: "gl", excluded: "non:in-site-only-namespace",
		},
		{
			name: "in site only with ordering random", client: london,
			change:  func(c *namespace.Config) { c.InSiteOnly, c.Ordering = true, namespace.Random },
			targets: []string{"par Paris", "lon London"}, want: "lon", excluded: "par:in-site-only-namespace",
		},
		{
			name: "offline targets", client: london,
			targets: []string{"a London offline", "b London", "c Paris offline"}, want: "b",
			excluded: "a:target-offline c:target-offline",
		},
		{
			name: "an offline folder", change: func(c *namespace.Config) { c.Folders[0].State = namespace.Offline }, client: london,
			targets: []string{"a London", "b London offline"}, excluded: "a:folder-offline b:folder-offline",
		},
		{
			name: "drained and offline by state", client: london, states: states{"a": Drained, "b": Offline},
			targets: []string{"a London", "b London", "c Tokyo"}, want: "c", excluded: "a:target-drained b:target-offline",
		},
		{
			name: "lagging and down stand behind", client: london, states: states{"a": Down, "b": Lagging, "c": Lagging},
			targets: []string{"a London global-high", "b London", "c London", "d Tokyo", "e Tokyo global-low"},
			want:    "d | e | b c | a",
		},
		{
			name: "all down is better than none", client: london, states: states{"a": Down, "b": Down},
			targets: []string{"a Tokyo", "b London"}, want: "b | a",
		},
		{
			name: "drained is better than none", client: london, states: states{"a": Drained, "b": Offline, "c": Drained},
			targets: []string{"a Tokyo", "b London", "c London offline"}, want: "b | a", excluded: "c:target-offline",
		},
		{
			name: "drained beyond an in-site folder stays out", client: london, states: states{"a": Drained, "b": Drained},
			change:  func(c *namespace.Config) { c.InSiteOnly = true },
			targets: []string{"a Tokyo", "b London"}, want: "b", excluded: "a:target-drained",
		},
		{
			name: "the configuration's offline counts first", client: london, states: states{"a": Up},
			targets: []string{"a London offline", "b Paris"}, want: "b", excluded: "a:target-offline",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := public(t, tt.targets...)
			if tt.change != nil {
				tt.change(&c)
			}
			o := ViewOptions{}
			if tt.states != nil {
				o.States = tt.states
			}
			r := resolve(t, newView(t, o, c), tt.client)
			if got := order(r); got != tt.want {
				t.Errorf("order = %q, want %q", got, tt.want)
			}
			if got := excluded(r); got != tt.excluded {
				t.Errorf("excluded = %q, want %q", got, tt.excluded)
			}
		})
	}
}

func TestOrderOfConfigurationIsKept(t *testing.T) {
	var lines, even, odd []string
	for i := range 60 {
		host := fmt.Sprintf("fs%02d", i)
		if i%2 == 0 {
			lines, even = append(lines, host+" London"), append(even, host)
		} else {
			lines, odd = append(lines, host+" Paris"), append(odd, host)
		}
	}
	want := strings.Join(even, " ") + " | " + strings.Join(odd, " ")
	if got := order(resolve(t, newView(t, ViewOptions{}, public(t, lines...)), london)); got != want {
		t.Errorf("order = %s, want %s", got, want)
	}
}

// Targets that nothing tells apart come in each order equally often, within
// their set, and nothing else moves.
func TestShuffleIsUniform(t *testing.T) {
	v := newView(t, ViewOptions{}, public(t, "p Paris", "a London", "b London", "q Paris", "c London", "d London"))
	random := rand.New(rand.NewPCG(2024, 9))
	const rounds = 24_000
	seen := make(map[string]int)
	var r Referral
	for range rounds {
		if err := v.Resolve(Request{Path: `\srv\public\data`, Client: london}, random, &r); err != nil {
			t.Fatal(err)
		}
		seen[order(&r)]++
	}
	if len(seen) != 48 {
		t.Errorf("%d orders, want 4! × 2!", len(seen))
	}
	// For 47 degrees of freedom chi-square is above 82.7 once in a thousand.
	chi, want := 0.0, float64(rounds)/48
	for _, n := range seen {
		chi += math.Pow(float64(n)-want, 2) / want
	}
	if chi > 82.7 {
		t.Errorf("chi-square of the orders is %.1f, want at most 82.7: %v", chi, seen)
	}
}

func TestResolveConcurrently(t *testing.T) {
	v := newView(t, ViewOptions{}, public(t, "a London", "b London", "c Tokyo"))
	random := NewRandom()
	var wg sync.WaitGroup
	for _, client := range []netip.Addr{london, tokyo, london, nowhere} {
		wg.Go(func() {
			seen := make(map[string]int)
			var r Referral
			for range 1000 {
				if err := v.Resolve(Request{Path: `\srv\public\data`, Client: client}, random, &r); err != nil {
					t.Error(err)
				}
				seen[order(&r)]++
			}
			want := 2
			if client == nowhere {
				want = 6
			}
			if len(seen) != want {
				t.Errorf("orders for %v: %v, want %d", client, seen, want)
			}
		})
	}
	wg.Wait()
}

func TestResolveAllocatesNothing(t *testing.T) {
	v := newView(t, ViewOptions{DefaultSite: "Paris", States: states{"c": Drained}},
		public(t, "a London", "b Tokyo", "c Paris", "d - global-high"))
	random, r := NewRandom(), new(Referral)
	for _, req := range []Request{
		{Path: `\srv.example.com\Public\DATA\x\y`, Client: london},
		{Path: `\srv\public`, Client: nowhere},
		{Path: `\srv\public\data`, Site: "TOKYO"},
	} {
		got := testing.AllocsPerRun(100, func() {
			if err := v.Resolve(req, random, r); err != nil {
				t.Fatal(err)
			}
		})
		if got != 0 {
			t.Errorf("Resolve(%+v) allocates %v times, want 0", req, got)
		}
	}
}

func TestDegradedTTL(t *testing.T) {
	for _, tt := range []struct {
		name   string
		states StateSource
		change func(*namespace.Config)
		want   time.Duration
	}{
		{name: "nobody knows", want: 1800 * time.Second},
		{name: "all well", states: states{}, want: 1800 * time.Second},
		{name: "one down", states: states{"b": Down}, want: 60 * time.Second},
		{name: "one drained", states: states{"b": Drained}, want: 60 * time.Second},
		{name: "offline by configuration", states: states{"c": Down}, want: 1800 * time.Second},
		{name: "never shortened", states: states{"b": Down}, change: func(c *namespace.Config) { c.DegradedTTL = 0 }, want: 1800 * time.Second},
		{name: "short already", states: states{"b": Down}, change: func(c *namespace.Config) { c.Folders[0].TTL = 5 * time.Second }, want: 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := public(t, "a London", "b Paris", "c Paris offline")
			if tt.change != nil {
				tt.change(&c)
			}
			if r := resolve(t, newView(t, ViewOptions{States: tt.states}, c), london); r.TTL != tt.want {
				t.Errorf("TTL = %v, want %v", r.TTL, tt.want)
			}
		})
	}
}

func TestWhyTheLastIsGiven(t *testing.T) {
	r := resolve(t, newView(t, ViewOptions{States: states{"a": Drained}}, public(t, "a London")), london)
	want := "same site (London), cost 0; class site-cost-normal; rank 0; drained (because of a), but no other target is left"
	if got := r.Why(r.Targets[0]); got != want {
		t.Errorf("Why = %q, want %q", got, want)
	}
}
