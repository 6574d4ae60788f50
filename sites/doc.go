// Package sites holds an estate's sites, subnets and site links: which site an
// address belongs to, and what a route between two sites costs.
//
// A Topology is made whole from a Config by New and never changes afterwards;
// a new state of the estate is a new Topology. Everything it answers is safe
// for concurrent use. Costs follow Active Directory: within a site link all
// its sites reach each other at the link's cost, links join into routes where
// they are bridged, and the cheapest route counts ([MS-DRSR] 4.1.16.3).
package sites
