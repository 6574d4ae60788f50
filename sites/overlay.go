package sites

import (
	"fmt"
	"net/netip"
	"slices"
)

// Overlay lays over, which an administrator wrote, upon base, which a directory
// told: of two sites, subnets, links or bridges of one name, or one prefix, that
// of over counts. What of over names a site or link that neither has is left
// out, and told in missing, one sentence each; base must have no fault.
func Overlay(base, over Config) (c Config, missing []string) {
	leaveOut := func(format string, args ...any) bool {
		missing = append(missing, fmt.Sprintf(format, args...))
		return true
	}
	c.Sites = lay(over.Sites, base.Sites, fold)
	known := folded(c.Sites, func(name string) string { return name })
	c.Subnets = lay(slices.DeleteFunc(slices.Clone(over.Subnets), func(s SubnetConfig) bool {
		return !known[fold(s.Site)] && leaveOut("subnet %v: no site is called %q", s.Prefix, s.Site)
	}), base.Subnets, func(s SubnetConfig) netip.Prefix { return s.Prefix.Masked() })
	c.Links = lay(slices.DeleteFunc(slices.Clone(over.Links), func(l LinkConfig) bool {
		unknown, dangling := firstUnknown(known, l.Sites)
		return dangling && leaveOut("site link %q: no site is called %q", l.Name, unknown)
	}), base.Links, func(l LinkConfig) string { return fold(l.Name) })
	links := folded(c.Links, func(l LinkConfig) string { return l.Name })
	c.Bridges = lay(slices.DeleteFunc(slices.Clone(over.Bridges), func(b BridgeConfig) bool {
		unknown, dangling := firstUnknown(links, b.Links)
		return dangling && leaveOut("bridge %q: no site link is called %q", b.Name, unknown)
	}), base.Bridges, func(b BridgeConfig) string { return fold(b.Name) })
	c.BridgeAll = base.BridgeAll
	return c, missing
}

// lay returns over, and what of base has another key than all before it.
func lay[T any, K comparable](over, base []T, key func(T) K) (all []T) {
	seen := make(map[K]bool, len(over)+len(base))
	for _, from := range [][]T{over, base} {
		for _, x := range from {
			if k := key(x); !seen[k] {
				seen[k] = true
				all = append(all, x)
			}
		}
	}
	return all
}

func folded[T any](all []T, name func(T) string) map[string]bool {
	names := make(map[string]bool, len(all))
	for _, x := range all {
		names[fold(name(x))] = true
	}
	return names
}

func firstUnknown(known map[string]bool, names []string) (string, bool) {
	i := slices.IndexFunc(names, func(name string) bool { return !known[fold(name)] })
	if i < 0 {
		return "", false
	}
	return names[i], true
}
