package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
	"go.uber.org/zap"
)

const (
	maxControllers = 1000
	// atOnce is how many hosts are asked for at the same time.
	atOnce = 16
)

// Controller is one domain controller.
type Controller struct {
	// Host is its DNS name in lower case, without the last dot.
	Host string
	// Port is that of LDAP.
	Port uint16
	// Addrs are its addresses, at least one, at most 64; the caller owns them.
	Addrs []netip.Addr
	// InSite says that it serves the site asked for.
	InSite bool
}

// Controllers returns the domain controllers of domain in the order in which
// they should be tried: those of site first, each group by priority and by a
// weighted draw (RFC 2782, MS-ADTS 6.3.6.1). An empty site asks for the
// domain's only, and so does one whose name cannot stand in the DNS. Controllers
// without an address are left out. The error wraps ErrNotFound, ErrNoAddress,
// ErrNotOffered or ErrServers, or is that of ctx.
func (c *Client) Controllers(ctx context.Context, domain, site string) ([]Controller, error) {
	domain = strings.TrimSuffix(domain, ".")
	what := fmt.Sprintf("domain controllers of %q", domain)
	if !validName(domain) {
		return nil, fmt.Errorf("%s: %w: not a domain name", what, ErrNotFound)
	}
	bounded, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	found, err := c.announced(bounded, domain, site)
	if len(found) == 0 {
		return nil, verdict(ctx, what, err)
	}
	found, err = c.reach(bounded, found)
	if len(found) == 0 {
		return nil, verdict(ctx, what, err)
	}
	return found, nil
}

// announced returns the controllers of the SRV records, some without addresses.
// The error counts only when there are none. Both questions are put at once: a
// DNS server that is dead is waited for once, and passed over from then on.
func (c *Client) announced(ctx context.Context, domain, site string) ([]Controller, error) {
	var near []Controller
	var away error
	var asking sync.WaitGroup
	if validName(site) && !strings.Contains(site, ".") {
		asking.Go(func() { near, away = c.service(ctx, "_ldap._tcp."+site+"._sites.dc._msdcs."+domain+".") })
	}
	all, err := c.service(ctx, "_ldap._tcp.dc._msdcs."+domain+".")
	asking.Wait()
	if away != nil {
		c.o.Log.Debug("no domain controllers of the site", zap.String("domain", domain), zap.String("site", site), zap.Error(away))
	}
	for i := range near {
		near[i].InSite = true
	}
	return unique(append(near, all...)), err
}

// service asks for the SRV records under name and puts them into order.
func (c *Client) service(ctx context.Context, name string) ([]Controller, error) {
	said, err := c.lookup(ctx, name, dns.TypeSRV)
	if err != nil {
		return nil, err
	}
	offered, none := services(said.found)
	if len(offered) == 0 {
		return nil, none
	}
	glue := glue(said.extra)
	var found []Controller
	for _, r := range order(offered, c.o.Random) {
		found = append(found, Controller{Host: r.target, Port: r.port, Addrs: slices.Clone(glue[r.target])})
	}
	return found, nil
}

// services reads SRV records. Without a usable one the error says why.
func services(rrs []dns.RR) ([]record, error) {
	none := ErrNoAddress
	var offered []record
	for _, rr := range rrs {
		srv, ok := rr.(*dns.SRV)
		switch {
		case !ok || len(offered) == maxControllers:
		case srv.Target == ".":
			none = ErrNotOffered
		case validName(srv.Target) && srv.Port != 0:
			offered = append(offered, record{srv.Priority, srv.Weight, srv.Port, key(srv.Target)})
		}
	}
	return offered, none
}

// glue returns the addresses that came along, by host.
func glue(extra []dns.RR) map[string][]netip.Addr {
	found := map[string][]netip.Addr{}
	for _, rr := range extra {
		host := key(rr.Header().Name)
		if addrs := appendAddrs(found[host], []dns.RR{rr}); len(addrs) > 0 {
			found[host] = addrs
		}
	}
	return found
}

// unique keeps the first of controllers with the same host and port.
func unique(all []Controller) []Controller {
	type place struct {
		host string
		port uint16
	}
	seen := map[place]bool{}
	return slices.DeleteFunc(all, func(c Controller) bool {
		p := place{c.Host, c.Port}
		again := seen[p]
		seen[p] = true
		return again
	})
}

// reach asks for the addresses that are missing and leaves out the controllers
// that have none. The error tells of the first of these.
func (c *Client) reach(ctx context.Context, found []Controller) ([]Controller, error) {
	faults := make([]error, len(found))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i := range found {
		if len(found[i].Addrs) > 0 {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			answer, err := c.Addresses(ctx, found[i].Host+".")
			found[i].Addrs, faults[i] = answer.Addrs, err
		})
	}
	wg.Wait()
	reached := slices.DeleteFunc(found, func(c Controller) bool { return len(c.Addrs) == 0 })
	first := slices.IndexFunc(faults, func(err error) bool { return err != nil })
	if first < 0 {
		return reached, nil
	}
	c.o.Log.Debug("domain controllers without an address", zap.Error(errors.Join(faults[:min(len(faults), atOnce)]...)))
	return reached, faults[first]
}
