package sites

import (
	"sync"
	"sync/atomic"
)

// Costs is what routes from one site cost. It is safe for concurrent use.
type Costs struct {
	once sync.Once
	used atomic.Uint64 // the cache's count when it was last asked for
	row  []uint32      // by site, ID-1
}

// To returns the cost of the cheapest route to a site: 0 to the site itself,
// Unreachable where no route leads there or either end is None or unknown.
// A route that costs more than fits is said to cost Unreachable-1.
func (c *Costs) To(id ID) uint32 {
	if id == None || int(id) > len(c.row) {
		return Unreachable
	}
	return c.row[id-1]
}

// nowhere is what routes from no site cost.
var nowhere = new(Costs)

// CostsFrom returns what routes from a site cost. They are worked out when
// first asked for, and kept: within 64 MiB, the rows used least recently go.
// A row at hand costs no lock and no allocation.
func (t *Topology) CostsFrom(from ID) *Costs {
	if !t.has(from) {
		return nowhere
	}
	site := uint32(from - 1)
	c := t.rows.get(site)
	c.once.Do(func() { c.row = t.graph.costs(site) })
	return c
}

// costs works out the whole row of a site.
func (g *graph) costs(from uint32) []uint32 {
	s := newSearch(g)
	var row []uint32
	for within := range g.scopes(from) {
		s.run(g, from, within)
		if row == nil {
			row = append(row, s.cost...)
			continue
		}
		for i, cost := range s.cost {
			row[i] = min(row[i], cost)
		}
	}
	return row
}

// keptCells bounds the costs that a rowCache keeps: 64 MiB, that is 1,677 rows
// of 10,000 sites.
const keptCells = 64 << 20 / 4

// rowCache keeps the rows of the sources asked for most recently.
type rowCache struct {
	rows  []atomic.Pointer[Costs] // by source; nil: not kept
	limit int
	clock atomic.Uint64

	mu   sync.Mutex
	kept []uint32 // the sources whose rows are kept; guarded by mu
}

// open sizes an empty cache for a number of sites.
func (c *rowCache) open(sites int) {
	c.rows = make([]atomic.Pointer[Costs], sites)
	c.limit = keptRows(sites)
}

func keptRows(sites int) int { return max(1, keptCells/max(1, sites)) }

// get returns the row of a source, empty where it was not kept.
func (c *rowCache) get(source uint32) *Costs {
	row := c.rows[source].Load()
	if row == nil {
		row = c.add(source)
	}
	if c.limit < len(c.rows) {
		row.used.Store(c.clock.Add(1))
	}
	return row
}

func (c *rowCache) add(source uint32) *Costs {
	c.mu.Lock()
	defer c.mu.Unlock()
	if row := c.rows[source].Load(); row != nil {
		return row
	}
	if len(c.kept) >= c.limit {
		c.dropOldest()
	}
	row := new(Costs)
	row.used.Store(c.clock.Add(1))
	c.rows[source].Store(row)
	c.kept = append(c.kept, source)
	return row
}

// dropOldest forgets the row used least recently. Whoever holds it may go on
// using it. A look at every row is little beside working out the new one.
func (c *rowCache) dropOldest() {
	oldest, when := 0, ^uint64(0)
	for i, source := range c.kept {
		if used := c.rows[source].Load().used.Load(); used < when {
			oldest, when = i, used
		}
	}
	c.rows[c.kept[oldest]].Store(nil)
	last := len(c.kept) - 1
	c.kept[oldest] = c.kept[last]
	c.kept = c.kept[:last]
}
