package sites

import "math"

// Unreachable is the cost between sites that no route joins.
const Unreachable = math.MaxUint32

// maxCost is what a route that costs more than this is said to cost.
const maxCost = Unreachable - 1

// graph holds which links a site is in and which links join into routes. Sites
// are numbered from 0, that is ID-1.
type graph struct {
	links     []Link
	ofSite    [][]uint32 // site → its links
	bridges   [][]uint32 // bridge → its links; not looked at with bridgeAll
	ofLink    [][]uint32 // link → its bridges
	bridgeAll bool
}

func newGraph(sites int, links []Link, bridges [][]uint32, bridgeAll bool) graph {
	g := graph{links: links, ofSite: make([][]uint32, sites), bridgeAll: bridgeAll}
	for i, l := range links {
		for _, id := range l.Sites {
			g.ofSite[id-1] = append(g.ofSite[id-1], uint32(i))
		}
	}
	if bridgeAll {
		return g
	}
	g.bridges = bridges
	g.ofLink = make([][]uint32, len(links))
	for b, members := range bridges {
		for _, l := range members {
			g.ofLink[l] = append(g.ofLink[l], uint32(b))
		}
	}
	return g
}
