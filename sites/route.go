package sites

import "slices"

// Route is a cheapest way between two sites.
type Route struct {
	Cost  uint32
	Sites []ID // from the first to the last, both included
}

// Route returns a cheapest route between two sites, and false where there is
// none. Among routes of one cost the choice is always the same. It works the
// route out anew, which takes about as long as a row of costs.
func (t *Topology) Route(from, to ID) (Route, bool) {
	if !t.has(from) || !t.has(to) {
		return Route{}, false
	}
	best := Route{Cost: Unreachable}
	s := newSearch(&t.graph)
	for within := range t.graph.scopes(uint32(from - 1)) {
		s.run(&t.graph, uint32(from-1), within)
		if cost := s.cost[to-1]; cost < best.Cost {
			best = Route{Cost: cost, Sites: s.way(from, to)}
		}
	}
	return best, best.Cost != Unreachable
}

// way returns the sites from the search's source to another that it reached.
func (s *search) way(from, to ID) []ID {
	way := []ID{to}
	for at := to; at != from; {
		at = ID(s.prev[at-1] + 1)
		way = append(way, at)
	}
	slices.Reverse(way)
	return way
}
