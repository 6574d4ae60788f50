package sites

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// mesh makes a topology of n sites, s1 to sn, with links given as cost followed
// by the numbers of their sites.
func mesh(n int, links [][]int, bridges [][]string, bridgeAll bool) Config {
	c := Config{BridgeAll: bridgeAll}
	for i := range n {
		c.Sites = append(c.Sites, fmt.Sprintf("s%d", i+1))
	}
	for i, l := range links {
		config := LinkConfig{Name: fmt.Sprintf("l%d", i), Cost: l[0]}
		for _, site := range l[1:] {
			config.Sites = append(config.Sites, fmt.Sprintf("s%d", site))
		}
		c.Links = append(c.Links, config)
	}
	for i, b := range bridges {
		c.Bridges = append(c.Bridges, BridgeConfig{Name: fmt.Sprintf("b%d", i), Links: b})
	}
	return c
}

func TestCosts(t *testing.T) {
	const far = Unreachable
	chain := [][]int{{10, 1, 2}, {20, 2, 3}, {40, 3, 4}}
	tests := []struct {
		name   string
		config Config
		from   ID
		want   []uint32
	}{
		{name: "a chain", config: mesh(4, chain, nil, true), from: 1, want: []uint32{0, 10, 30, 70}},
		{name: "from the middle", config: mesh(4, chain, nil, true), from: 3, want: []uint32{30, 20, 0, 40}},
		{name: "no bridge", config: mesh(4, chain, nil, false), from: 1, want: []uint32{0, 10, far, far}},
		{
			name:   "one bridge",
			config: mesh(4, chain, [][]string{{"l0", "l1"}}, false), from: 1, want: []uint32{0, 10, 30, far},
		},
		{
			name:   "two bridges are not one",
			config: mesh(4, chain, [][]string{{"l0", "l1"}, {"l1", "l2"}}, false), from: 1, want: []uint32{0, 10, 30, far},
		},
		{
			name:   "the cheaper bridge",
			config: mesh(3, [][]int{{5, 1, 2}, {5, 2, 3}, {1, 1, 2}, {50, 1, 3}}, [][]string{{"l0", "l1"}, {"l2", "l3"}}, false),
			from:   1, want: []uint32{0, 1, 10},
		},
		{name: "parallel links", config: mesh(2, [][]int{{9, 1, 2}, {4, 2, 1}, {7, 1, 2}}, nil, true), from: 1, want: []uint32{0, 4}},
		{name: "a link of many sites", config: mesh(4, [][]int{{7, 1, 2, 3}, {1, 3, 4}}, nil, true), from: 1, want: []uint32{0, 7, 7, 8}},
		{name: "an island", config: mesh(3, [][]int{{7, 1, 2}}, nil, true), from: 3, want: []uint32{far, far, 0}},
		{
			name:   "more than fits",
			config: mesh(4, [][]int{{1<<31 - 1, 1, 2}, {1<<31 - 1, 2, 3}, {1<<31 - 1, 3, 4}}, nil, true),
			from:   1, want: []uint32{0, 1<<31 - 1, far - 1, far - 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			topo := mustNew(t, tt.config)
			costs := topo.CostsFrom(tt.from)
			for i, want := range tt.want {
				if got := costs.To(ID(i + 1)); got != want {
					t.Errorf("CostsFrom(%d).To(%d) = %d, want %d", tt.from, i+1, got, want)
				}
			}
		})
	}
}

func TestCostsOfNoSite(t *testing.T) {
	topo := mustNew(t, estate())
	for _, ends := range [][2]ID{{None, 1}, {None, None}, {1, None}, {4, 1}, {1, 4}} {
		if got := topo.CostsFrom(ends[0]).To(ends[1]); got != Unreachable {
			t.Errorf("CostsFrom(%d).To(%d) = %d, want Unreachable", ends[0], ends[1], got)
		}
		if route, ok := topo.Route(ends[0], ends[1]); ok {
			t.Errorf("Route(%d, %d) = %v, want none", ends[0], ends[1], route)
		}
	}
}

func TestRoute(t *testing.T) {
	topo := mustNew(t, estate())
	tests := []struct {
		from, to ID
		want     Route
	}{
		{2, 3, Route{Cost: 300, Sites: []ID{2, 1, 3}}},
		{3, 2, Route{Cost: 300, Sites: []ID{3, 1, 2}}},
		{1, 3, Route{Cost: 200, Sites: []ID{1, 3}}},
		{3, 3, Route{Cost: 0, Sites: []ID{3}}},
	}
	for _, tt := range tests {
		got, ok := topo.Route(tt.from, tt.to)
		if !ok || got.Cost != tt.want.Cost || !slices.Equal(got.Sites, tt.want.Sites) {
			t.Errorf("Route(%d, %d) = %v, %v, want %v", tt.from, tt.to, got, ok, tt.want)
		}
	}
}

// anyMesh draws a small topology, bridged in every way.
func anyMesh(t *rapid.T) Config {
	n := rapid.IntRange(2, 9).Draw(t, "sites")
	sites := rapid.SliceOfNDistinct(rapid.IntRange(1, n), 2, min(n, 4), rapid.ID[int])
	var links [][]int
	var names []string
	for i := range rapid.IntRange(0, 12).Draw(t, "links") {
		cost := rapid.IntRange(1, 9).Draw(t, "cost")
		links = append(links, append([]int{cost}, sites.Draw(t, "link")...))
		names = append(names, fmt.Sprintf("l%d", i))
	}
	var bridges [][]string
	if len(names) >= 2 {
		bridges = rapid.SliceOfN(rapid.SliceOfNDistinct(rapid.SampledFrom(names), 2, -1, rapid.ID[string]), 0, 3).Draw(t, "bridges")
	}
	return mesh(n, links, bridges, rapid.Bool().Draw(t, "bridge all"))
}

func TestCostsAreThoseOfFloydWarshall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyMesh(t)
		topo, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		want := allPairs(c)
		for from := range topo.Sites() {
			for to := range topo.Sites() {
				a, b := ID(from+1), ID(to+1)
				if got := topo.CostsFrom(a).To(b); got != want[from][to] {
					t.Fatalf("CostsFrom(%d).To(%d) = %d, want %d", a, b, got, want[from][to])
				}
				checkRoute(t, c, topo, a, b, want[from][to])
			}
		}
	})
}

// checkRoute checks that the route between two sites exists as its cost says,
// that it can be gone link by link, and that no part of it could be left out.
func checkRoute(t *rapid.T, c Config, topo *Topology, a, b ID, cost uint32) {
	r, ok := topo.Route(a, b)
	if ok != (cost != Unreachable) || (ok && r.Cost != cost) {
		t.Fatalf("Route(%d, %d) = %v, %v, want cost %d", a, b, r, ok, cost)
	}
	if !ok {
		return
	}
	if r.Sites[0] != a || r.Sites[len(r.Sites)-1] != b {
		t.Fatalf("Route(%d, %d) = %v, want these ends", a, b, r)
	}
	direct := arcs(c, func(int) bool { return true })
	sum := uint32(0)
	for i := 1; i < len(r.Sites); i++ {
		sum += direct[r.Sites[i-1]-1][r.Sites[i]-1]
	}
	if sum > cost || (c.BridgeAll && sum != cost) {
		t.Fatalf("Route(%d, %d) = %v, whose links cost %d", a, b, r, sum)
	}
}

// allPairs is the twin of CostsFrom, step by step after [MS-DRSR] 4.1.16.3.
func allPairs(c Config) [][]uint32 {
	every := func(int) bool { return true }
	if c.BridgeAll {
		return floydWarshall(arcs(c, every))
	}
	cost := arcs(c, every)
	for _, b := range c.Bridges {
		within := floydWarshall(arcs(c, func(link int) bool { return slices.Contains(b.Links, c.Links[link].Name) }))
		for i := range cost {
			for j := range cost {
				cost[i][j] = min(cost[i][j], within[i][j])
			}
		}
	}
	return cost
}

// arcs returns what single links cost between each pair of sites.
func arcs(c Config, use func(link int) bool) [][]uint32 {
	cost := make([][]uint32, len(c.Sites))
	for i := range cost {
		cost[i] = slices.Repeat([]uint32{Unreachable}, len(c.Sites))
		cost[i][i] = 0
	}
	for l, link := range c.Links {
		for _, a := range link.Sites {
			for _, b := range link.Sites {
				i, j := slices.Index(c.Sites, a), slices.Index(c.Sites, b)
				if use(l) {
					cost[i][j] = min(cost[i][j], uint32(link.Cost))
				}
			}
		}
	}
	for i := range cost {
		cost[i][i] = 0
	}
	return cost
}

func floydWarshall(cost [][]uint32) [][]uint32 {
	for via := range cost {
		for i := range cost {
			for j := range cost {
				if cost[i][via] != Unreachable && cost[via][j] != Unreachable {
					cost[i][j] = min(cost[i][j], cost[i][via]+cost[via][j])
				}
			}
		}
	}
	return cost
}

func TestRowsUsedLeastRecentlyGo(t *testing.T) {
	var cache rowCache
	cache.open(10)
	cache.limit = 3
	rows := make(map[uint32]*Costs)
	use := func(sources ...uint32) {
		for _, s := range sources {
			rows[s] = cache.get(s)
		}
	}
	use(0, 1, 2, 0, 3) // 3 takes the place of 1
	for source, kept := range map[uint32]bool{0: true, 1: false, 2: true, 3: true} {
		if got := cache.rows[source].Load() == rows[source]; got != kept {
			t.Errorf("row %d kept: %v, want %v", source, got, kept)
		}
	}
	if len(cache.kept) != 3 {
		t.Errorf("%d rows kept, want 3", len(cache.kept))
	}
}

func TestKeptRows(t *testing.T) {
	for _, tt := range []struct{ sites, want int }{{1, 16777216}, {10_000, 1677}, {20_000_000, 1}} {
		if got := keptRows(tt.sites); got != tt.want {
			t.Errorf("keptRows(%d) = %d, want %d", tt.sites, got, tt.want)
		}
	}
}

func TestCostsFromConcurrently(t *testing.T) {
	const sites = 50
	topo := mustNew(t, company(sites, 100, 0))
	want := allPairs(company(sites, 100, 0))
	topo.rows.limit = 5
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 40 * sites {
				from, to := (i*7+worker)%sites, (i*3)%sites
				if got := topo.CostsFrom(ID(from + 1)).To(ID(to + 1)); got != want[from][to] {
					t.Errorf("CostsFrom(%d).To(%d) = %d, want %d", from+1, to+1, got, want[from][to])
				}
			}
		})
	}
	wg.Wait()
	if len(topo.rows.kept) > 5 {
		t.Errorf("%d rows kept, want at most 5", len(topo.rows.kept))
	}
}

func BenchmarkCostRowFirst(b *testing.B) {
	topo := mustNew(b, company(10_000, 20_000, 0))
	b.ReportAllocs()
	site := uint32(0)
	for b.Loop() {
		site++
		topo.graph.costs(site % 10_000)
	}
}

func BenchmarkCostRowKept(b *testing.B) {
	topo := mustNew(b, company(10_000, 20_000, 0))
	b.ReportAllocs()
	for b.Loop() {
		if topo.CostsFrom(77).To(5000) == Unreachable {
			b.Fatal("no route")
		}
	}
}
