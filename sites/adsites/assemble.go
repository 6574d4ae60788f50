package adsites

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"dfsd/sites"
)

const (
	// bridgesRequired is the option of the IP transport that takes "bridge all
	// site links" away ([MS-ADTS] 6.1.1.2.2.3.1).
	bridgesRequired = 0x2
	// maxSiteName is the most characters that a site's name may have
	// ([MS-DRSR] 4.1.16.2.1).
	maxSiteName = 64
	// maxWarnings bounds what a directory full of faults can make us remember.
	maxWarnings = 1000
	// maxWarning bounds a text in them. A DN has some 300 bytes at most as a rule.
	maxWarning = 1 << 10
	// conflictMark stands in the name of an object that lost a naming conflict
	// between two domain controllers, before its GUID.
	conflictMark = "\nCNF:"
)

var errNoSites = errors.New("the directory shows no site: may this account read them?")

// assembler turns rows into a Config. The first of two equal names counts,
// where rows come in the order of their distinguished names.
type assembler struct {
	config   sites.Config
	warnings []Warning
	unsaid   int               // warnings beyond maxWarnings
	sites    map[string]string // by dnKey and by folded name: the site's name
	links    map[string]string // by dnKey: the link's name
	led      map[string]string // by reference, as it is written: the site's name
}

// assemble makes a topology of what a directory said, as a domain controller
// would ([MS-ADTS] 6.1.1.2.2, [MS-DRSR] 4.1.16.3): what is wrong with one
// object leaves that object out with a Warning. It fails where no site is left.
// It sorts the rows; the same rows in another order give the same Config.
func assemble(raw rows) (sites.Config, []Warning, error) {
	slices.SortFunc(raw.sites, func(a, b siteRow) int { return cmp.Compare(a.dn, b.dn) })
	slices.SortFunc(raw.subnets, func(a, b subnetRow) int {
		return cmp.Or(cmp.Compare(a.dn, b.dn), cmp.Compare(a.prefix, b.prefix))
	})
	slices.SortFunc(raw.links, func(a, b linkRow) int { return cmp.Compare(a.dn, b.dn) })
	slices.SortFunc(raw.bridges, func(a, b bridgeRow) int { return cmp.Compare(a.dn, b.dn) })

	a := assembler{sites: make(map[string]string, 2*len(raw.sites)), links: make(map[string]string, len(raw.links)), led: make(map[string]string, len(raw.sites))}
	a.addSites(raw.sites)
	if len(a.config.Sites) == 0 {
		return sites.Config{}, a.warnings, errNoSites
	}
	a.addSubnets(raw.subnets, raw.windows)
	a.addLinks(raw.links)
	a.config.BridgeAll = !a.bridgesRequired(raw.options)
	if !a.config.BridgeAll {
		a.addBridges(raw.bridges)
	}
	if a.unsaid > 0 {
		a.warnings = append(a.warnings, Warning{Message: fmt.Sprintf("%d more objects have something wrong with them", a.unsaid)})
	}
	if err := a.config.Validate().Err(); err != nil {
		return sites.Config{}, a.warnings, fmt.Errorf("assemble the topology: %w", err)
	}
	return a.config, a.warnings, nil
}

func (a *assembler) warnf(dn, format string, args ...any) {
	if len(a.warnings) == maxWarnings {
		a.unsaid++
		return
	}
	a.warnings = append(a.warnings, Warning{DN: clip(dn), Message: clip(fmt.Sprintf(format, args...))})
}

// clip shortens a text of the directory's to what a person reads.
func clip(text string) string {
	if len(text) <= maxWarning {
		return text
	}
	return strings.ToValidUTF8(text[:maxWarning], "") + "…"
}

func (a *assembler) addSites(raw []siteRow) {
	for _, row := range raw {
		name := row.name
		if strings.Contains(name, conflictMark) {
			name = plainName(name)
			a.warnf(row.dn, "the site lost a naming conflict; it is taken as site %q of its own, as Windows does: move what it holds and delete it", name)
		}
		if problem := siteNameProblem(name); problem != "" {
			a.warnf(row.dn, "the site is left out: %s", problem)
			continue
		}
		if first, taken := a.sites[nameKey(name)]; taken {
			a.warnf(row.dn, "the site has the name of another one and is taken as the same")
			a.sites[dnKey(row.dn)] = first
			continue
		}
		a.sites[nameKey(name)] = name
		a.sites[dnKey(row.dn)] = name
		a.config.Sites = append(a.config.Sites, name)
	}
}

// nameKey is a key beside those of dnKey: no DN begins like it.
func nameKey(name string) string { return "\x02" + fold(name) }

// plainName writes the line break of a conflict mark as a blank.
func plainName(name string) string { return strings.ReplaceAll(name, "\n", " ") }

func siteNameProblem(name string) string {
	switch {
	case name == "":
		return "it has no name"
	case strings.TrimSpace(name) != name:
		return "its name begins or ends with a space"
	case utf8.RuneCountInString(name) > maxSiteName:
		return fmt.Sprintf("its name has more than %d characters", maxSiteName)
	case strings.ContainsAny(name, "=,"):
		return `its name holds a "=" or a ","`
	case strings.ContainsFunc(name, unicode.IsControl), !utf8.ValidString(name):
		return "its name holds a control character"
	}
	return ""
}

// site returns the name of the site that a reference, a DN or a name, leads to.
// Many subnets share one reference, and to take a DN apart is dear.
func (a *assembler) site(reference string) (string, bool) {
	if name, ok := a.led[reference]; ok {
		return name, true
	}
	name, ok := a.sites[dnKey(reference)]
	if !ok {
		name, ok = a.sites[nameKey(reference)]
	}
	if ok {
		a.led[reference] = name
	}
	return name, ok
}

// lostSite says what is wrong with a reference to a site that is not there.
func lostSite(reference string) string {
	if value, ok := firstValue(reference); ok && strings.Contains(value, "\nDEL:") {
		before, _, _ := strings.Cut(value, "\nDEL:")
		return fmt.Sprintf("site %q, which was deleted", before)
	}
	return fmt.Sprintf("%q, which is no site", reference)
}

func (a *assembler) addSubnets(raw []subnetRow, windows bool) {
	a.config.Subnets = make([]sites.SubnetConfig, 0, len(raw))
	first := make(map[string]string, len(raw)) // prefix to DN
	for _, row := range raw {
		prefix, problem := parsePrefix(row.prefix, windows)
		if problem != "" {
			a.warnf(row.dn, "the subnet is left out: %s", problem)
			continue
		}
		if row.site == "" {
			a.warnf(row.dn, "the subnet is left out: it belongs to no site")
			continue
		}
		site, ok := a.site(row.site)
		if !ok {
			a.warnf(row.dn, "the subnet is left out: it belongs to %s", lostSite(row.site))
			continue
		}
		text := prefix.String()
		if other, taken := first[text]; taken {
			a.warnf(row.dn, "the subnet is left out: %s is the same", other)
			continue
		}
		first[text] = row.dn
		a.config.Subnets = append(a.config.Subnets, sites.SubnetConfig{Prefix: prefix, Site: site})
	}
}

func (a *assembler) addLinks(raw []linkRow) {
	names := make(map[string]int, len(raw))
	for _, row := range raw {
		members := a.linkSites(row)
		if len(members) < 2 {
			a.warnf(row.dn, "the site link is left out: it joins %d sites that exist; it needs at least 2", len(members))
			continue
		}
		name := a.freeName(names, row.dn, row.name, "site link")
		a.links[dnKey(row.dn)] = name
		a.config.Links = append(a.config.Links, sites.LinkConfig{Name: name, Sites: members, Cost: a.linkCost(row)})
	}
}

// linkSites returns the sites of a link that exist, each once.
func (a *assembler) linkSites(row linkRow) []string {
	members := make([]string, 0, len(row.sites))
	seen := make(map[string]bool, len(row.sites))
	for _, reference := range row.sites {
		site, ok := a.site(reference)
		switch {
		case !ok:
			a.warnf(row.dn, "the site link goes without %s", lostSite(reference))
		case !seen[site]:
			seen[site] = true
			members = append(members, site)
		}
	}
	slices.Sort(members)
	return members
}

// linkCost returns what a link costs. A cost that cannot be is taken as the
// nearest one that can: without the link its sites might not reach each other.
func (a *assembler) linkCost(row linkRow) int {
	if row.cost == "" {
		return sites.DefaultCost
	}
	cost, err := strconv.ParseInt(row.cost, 10, 64)
	switch {
	case err != nil:
		a.warnf(row.dn, "cost %q of the site link is no number and taken as %d", row.cost, sites.DefaultCost)
		return sites.DefaultCost
	case cost < 1:
		a.warnf(row.dn, "cost %d of the site link is taken as 1: costs begin there", cost)
		return 1
	case cost > math.MaxInt32:
		a.warnf(row.dn, "cost %d of the site link is taken as %d, the highest", cost, math.MaxInt32)
		return math.MaxInt32
	}
	return int(cost)
}

// freeName returns a name for an object that none before it has. Names of
// links and bridges are for people only.
func (a *assembler) freeName(taken map[string]int, dn, name, kind string) string {
	if strings.Contains(name, conflictMark) {
		a.warnf(dn, "the %s lost a naming conflict; it counts all the same, as in Windows", kind)
	}
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, name)
	if name == "" {
		name = "unnamed"
	}
	free := name
	for taken[fold(free)] > 0 {
		taken[fold(name)]++
		free = fmt.Sprintf("%s (%d)", name, taken[fold(name)])
	}
	taken[fold(free)] = 1
	return free
}

// bridgesRequired tells from the options of the IP transport whether links
// join into routes within bridges only. No options are none set.
func (a *assembler) bridgesRequired(options string) bool {
	if options == "" {
		return false
	}
	n, err := strconv.ParseInt(options, 10, 64)
	if err != nil {
		a.warnf("", "options %q of the IP transport are no number and taken as 0: all site links are bridged", options)
	}
	return n&bridgesRequired != 0
}

func (a *assembler) addBridges(raw []bridgeRow) {
	names := make(map[string]int, len(raw))
	for _, row := range raw {
		var members []string
		seen := make(map[string]bool, len(row.links))
		for _, reference := range row.links {
			link, ok := a.links[dnKey(reference)]
			if !ok {
				a.warnf(row.dn, "the bridge goes without %q, which is no site link in use", reference)
			} else if !seen[link] {
				seen[link] = true
				members = append(members, link)
			}
		}
		if len(members) < 2 {
			a.warnf(row.dn, "the bridge is left out: it joins %d site links that exist; it needs at least 2", len(members))
			continue
		}
		slices.Sort(members)
		name := a.freeName(names, row.dn, row.name, "bridge")
		a.config.Bridges = append(a.config.Bridges, sites.BridgeConfig{Name: name, Links: members})
	}
}
