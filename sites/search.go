package sites

import (
	"iter"
	"slices"
)

// A scope says which links a search may follow: those of one bridge, by its
// index, or one of these.
type scope int

const (
	everyLink  scope = -1 - iota // all links join into routes
	directLink                   // one link, and no further
)

// scopes yields, one after the other, the scopes within which a route from a
// site has to stay. The cheapest of all of them is the route.
func (g *graph) scopes(from uint32) iter.Seq[scope] {
	return func(yield func(scope) bool) {
		if g.bridgeAll {
			yield(everyLink)
			return
		}
		if !yield(directLink) {
			return
		}
		for _, b := range g.bridgesOf(from) {
			if !yield(scope(b)) {
				return
			}
		}
	}
}

// bridgesOf returns the bridges that hold a link of the site, each once.
func (g *graph) bridgesOf(site uint32) []uint32 {
	var bridges []uint32
	for _, l := range g.ofSite[site] {
		bridges = append(bridges, g.ofLink[l]...)
	}
	slices.Sort(bridges)
	return slices.Compact(bridges)
}

// follows reports whether a route within s may use a link.
func (g *graph) follows(s scope, link uint32) bool {
	return s < 0 || slices.Contains(g.ofLink[link], uint32(s))
}

// search finds the cheapest routes from one site within one scope, by
// Dijkstra's algorithm. A link is looked at once, from the first of its sites
// that is settled: no other one can offer its sites a cheaper way in. That
// keeps a link of n sites at n steps where its full mesh would have n².
type search struct {
	cost  []uint32 // by site, as far as known
	prev  []uint32 // the site before, on the way from the source
	spent []bool   // links already followed
	open  frontier
}

func newSearch(g *graph) *search {
	return &search{
		cost:  make([]uint32, len(g.ofSite)),
		prev:  make([]uint32, len(g.ofSite)),
		spent: make([]bool, len(g.links)),
	}
}

func (s *search) run(g *graph, from uint32, within scope) {
	for i := range s.cost {
		s.cost[i] = Unreachable
	}
	clear(s.spent)
	s.cost[from] = 0
	s.open.push(0, from)
	for len(s.open) > 0 {
		cost, site := s.open.pop()
		if cost > s.cost[site] || (within == directLink && site != from) {
			continue
		}
		for _, l := range g.ofSite[site] {
			if !s.spent[l] && g.follows(within, l) {
				s.spent[l] = true
				s.follow(&g.links[l], site)
			}
		}
	}
}

// follow offers the sites of a link the way through site.
func (s *search) follow(l *Link, site uint32) {
	cost := addCost(s.cost[site], l.Cost)
	for _, id := range l.Sites {
		next := uint32(id - 1)
		if cost < s.cost[next] {
			s.cost[next], s.prev[next] = cost, site
			s.open.push(cost, next)
		}
	}
}

func addCost(a, b uint32) uint32 {
	return uint32(min(uint64(a)+uint64(b), maxCost))
}

// frontier is a heap of sites by what it costs to reach them, and by number
// where that is equal. An element is the cost above the site.
type frontier []uint64

func (f *frontier) push(cost, site uint32) {
	h := append(*f, uint64(cost)<<32|uint64(site))
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if h[parent] <= h[i] {
			break
		}
		h[parent], h[i] = h[i], h[parent]
		i = parent
	}
	*f = h
}

func (f *frontier) pop() (cost, site uint32) {
	h := *f
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child+1 < last && h[child+1] < h[child] {
			child++
		}
		if child >= last || h[i] <= h[child] {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
	*f = h
	return uint32(top >> 32), uint32(top)
}
