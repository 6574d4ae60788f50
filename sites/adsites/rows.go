package adsites

// rows are what a directory says about an estate, not yet looked at.
type rows struct {
	sites   []siteRow
	subnets []subnetRow
	links   []linkRow
	bridges []bridgeRow
	// options are those of the IP transport; empty where it has none.
	options string
	// windows asks for subnets to be named as Active Directory demands. Other
	// directories may write any prefix.
	windows bool
}

type siteRow struct{ dn, name string }

// subnetRow is a subnet; site is a DN, or in other directories a name, and
// empty where the subnet belongs to no site.
type subnetRow struct{ dn, prefix, site string }

// linkRow is a site link; sites are DNs or names, cost is empty where it is
// not said.
type linkRow struct {
	dn, name string
	sites    []string
	cost     string
}

// bridgeRow is a site link bridge; links are DNs.
type bridgeRow struct {
	dn, name string
	links    []string
}
