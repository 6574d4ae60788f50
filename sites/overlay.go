package sites

import "fmt"

// Overlay lays over, which an administrator wrote, upon base, which a directory
// told: of two sites, subnets, links or bridges of one name, or one prefix, that
// of over counts. What of over names a site or link that neither has is left
// out, and told in missing, one sentence each; base must have no fault.
func Overlay(base, over Config) (c Config, missing []string) {
	known := map[string]bool{}
	for _, name := range append(append([]string(nil), over.Sites...), base.Sites...) {
		if !known[fold(name)] {
			known[fold(name)] = true
			c.Sites = append(c.Sites, name)
		}
	}
	prefixes := map[SubnetConfig]bool{}
	for i, s := range append(append([]SubnetConfig(nil), over.Subnets...), base.Subnets...) {
		key := SubnetConfig{Prefix: s.Prefix.Masked()}
		switch {
		case prefixes[key] && i >= len(over.Subnets):
		case !known[fold(s.Site)]:
			missing = append(missing, fmt.Sprintf("subnet %v: no site is called %q", s.Prefix, s.Site))
		default:
			prefixes[key] = true
			c.Subnets = append(c.Subnets, s)
		}
	}
	links := map[string]bool{}
	for i, l := range append(append([]LinkConfig(nil), over.Links...), base.Links...) {
		if links[fold(l.Name)] && i >= len(over.Links) {
			continue
		}
		if unknown, ok := firstUnknown(known, l.Sites); ok {
			missing = append(missing, fmt.Sprintf("site link %q: no site is called %q", l.Name, unknown))
			continue
		}
		links[fold(l.Name)] = true
		c.Links = append(c.Links, l)
	}
	bridges := map[string]bool{}
	for i, b := range append(append([]BridgeConfig(nil), over.Bridges...), base.Bridges...) {
		if bridges[fold(b.Name)] && i >= len(over.Bridges) {
			continue
		}
		if unknown, ok := firstUnknown(links, b.Links); ok {
			missing = append(missing, fmt.Sprintf("bridge %q: no site link is called %q", b.Name, unknown))
			continue
		}
		bridges[fold(b.Name)] = true
		c.Bridges = append(c.Bridges, b)
	}
	c.BridgeAll = base.BridgeAll
	return c, missing
}

func firstUnknown(known map[string]bool, names []string) (string, bool) {
	for _, name := range names {
		if !known[fold(name)] {
			return name, true
		}
	}
	return "", false
}
