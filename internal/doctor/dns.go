package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"dfsd/internal/resolve"
	"dfsd/sites"
)

const (
	// slowDNS is when an answer takes so long that it is told.
	slowDNS = 500 * time.Millisecond
	// queryTimeout bounds one question to one server.
	queryTimeout = 2 * time.Second
	// maxServers bounds the DNS servers that are looked at.
	maxServers = 8
	// maxAliases bounds a chain of aliases.
	maxAliases = 8
	// maxHosts bounds the targets' hosts that are looked at.
	maxHosts = 1000
	// batch is how many hosts one check looks at, all at once.
	batch = 32
)

func (d *doctor) dnsChecks() []Check {
	var checks []Check
	servers := d.dnsServers()
	if len(servers) == 0 {
		checks = append(checks, check(DNS, "servers", func(_ context.Context, r *report) {
			r.add(Failed, "servers", mendServers, "no DNS server is configured")
		}))
	}
	for _, s := range servers {
		checks = append(checks, check(DNS, s, func(ctx context.Context, r *report) { d.checkServer(ctx, r, s) }))
	}
	if d.Directory != nil && d.Directory.Domain != "" {
		checks = append(checks, check(DNS, d.Directory.Domain, d.checkRecords))
	}
	if d.Live != nil {
		checks = append(checks, check(DNS, "hosts of targets", d.checkHostFaults))
		return checks
	}
	for _, hosts := range batches(d.namedHosts()) {
		checks = append(checks, check(DNS, hosts[0]+" and following", func(ctx context.Context, r *report) { d.lookUpHosts(ctx, r, hosts) }))
	}
	return checks
}

// dnsServers are those that the daemon asks.
func (d *doctor) dnsServers() []string {
	if len(d.FreshDNS) > 0 {
		return d.FreshDNS[:min(len(d.FreshDNS), maxServers)]
	}
	path := d.resolvConf
	if path == "" {
		path = "/etc/resolv.conf"
	}
	c, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil
	}
	var servers []string
	for _, s := range c.Servers[:min(len(c.Servers), maxServers)] {
		servers = append(servers, net.JoinHostPort(s, c.Port))
	}
	return servers
}

// ask puts one question to one server, over UDP and, where the answer does not
// fit, over TCP. What the server sends is bounded to one message.
func (d *doctor) ask(ctx context.Context, server, name string, kind uint16) (*dns.Msg, error) {
	question := new(dns.Msg)
	question.SetQuestion(dns.Fqdn(name), kind)
	question.SetEdns0(1232, false)
	answer, err := d.exchange(ctx, "udp", server, question)
	if err == nil && answer.Truncated {
		return d.exchange(ctx, "tcp", server, question)
	}
	return answer, err
}

func (d *doctor) exchange(ctx context.Context, network, server string, question *dns.Msg) (*dns.Msg, error) {
	ctx, stop := context.WithTimeout(ctx, queryTimeout)
	defer stop()
	raw, err := d.dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	defer until(ctx, raw, queryTimeout)()
	conn := &dns.Conn{Conn: raw, UDPSize: 4096}
	if err := conn.WriteMsg(question); err != nil {
		return nil, err
	}
	answer, err := conn.ReadMsg()
	switch {
	case err != nil:
		return nil, err
	case answer.Id != question.Id:
		return nil, errors.New("the answer is to another question")
	}
	return answer, nil
}

// checkServer asks a server for something that every resolver knows.
func (d *doctor) checkServer(ctx context.Context, r *report, server string) {
	name := "."
	if d.Directory != nil && d.Directory.Domain != "" {
		name = d.Directory.Domain
	}
	start := time.Now()
	answer, err := d.ask(ctx, server, name, dns.TypeSOA)
	took := time.Since(start)
	switch {
	case err != nil:
		r.add(Failed, server, mendServers, "the DNS server does not answer: %v", err)
	case answer.Rcode == dns.RcodeServerFailure || answer.Rcode == dns.RcodeRefused:
		r.add(Warning, server, mendServers, "the DNS server answers %s when asked about %s", dns.RcodeToString[answer.Rcode], name)
	case took > slowDNS:
		r.add(Warning, server, "set sites.ldap.dns to the host:port of a nearer resolver", "the DNS server takes %v to answer", took.Round(time.Millisecond))
	default:
		r.okf(server, "the DNS server answers in %v", took.Round(100*time.Microsecond))
	}
	if n := len(r.findings); n > 0 {
		r.findings[n-1].Seconds = took.Seconds()
	}
}

// aliasOf returns what a name is an alias of, "" where it is none or nobody
// answers.
func (d *doctor) aliasOf(ctx context.Context, name string) string {
	if strings.Trim(name, ".") == "" || !strings.Contains(name, ".") {
		return ""
	}
	last := ""
	for range maxAliases {
		next := d.oneAlias(ctx, name)
		if next == "" {
			break
		}
		name, last = next, next
	}
	return last
}

func (d *doctor) oneAlias(ctx context.Context, name string) string {
	for _, server := range d.dnsServers() {
		answer, err := d.ask(ctx, server, name, dns.TypeCNAME)
		if err != nil {
			continue
		}
		for _, rr := range answer.Answer {
			if c, ok := rr.(*dns.CNAME); ok && sameName(c.Hdr.Name, name) {
				return strings.TrimSuffix(c.Target, ".")
			}
		}
		return ""
	}
	return ""
}

// checkRecords looks for the records of domain controllers.
func (d *doctor) checkRecords(ctx context.Context, r *report) {
	domain := d.Directory.Domain
	all, err := d.services(ctx, "_ldap._tcp.dc._msdcs."+domain)
	subject := "_ldap._tcp.dc._msdcs." + domain
	switch {
	case err != nil:
		r.add(Failed, subject, mendServers, "the domain controllers of %s cannot be looked up: %v", domain, err)
		return
	case len(all) == 0:
		r.add(Failed, subject, "set sites.ldap.dns to a DNS server of the domain, such as a domain controller's ADDRESS:53; on the controller: samba_dnsupdate --all-names",
			"there is no such record: the DNS knows no domain controllers of %s", domain)
		return
	}
	r.okf(subject, "%s", countOf(len(all), "domain controller"))
	if site := d.ownSite(); site != "" {
		d.checkSiteRecords(ctx, r, site)
	}
	client, err := d.resolver()
	if err != nil {
		return // told by the check of the servers
	}
	withAddress, err := client.Controllers(ctx, domain, "")
	if err != nil && ctx.Err() == nil {
		r.add(Failed, subject, mendServers, "the controllers' addresses cannot be looked up: %v", err)
		return
	}
	for _, host := range all[:min(len(all), maxControllers)] {
		found := slices.ContainsFunc(withAddress, func(c resolve.Controller) bool { return sameName(c.Host, host) })
		if !found {
			r.add(Warning, host, fmt.Sprintf("on %s: samba_dnsupdate --all-names  (Windows: ipconfig /registerdns)", host),
				"the domain controller has no address in the DNS")
		}
	}
}

func (d *doctor) checkSiteRecords(ctx context.Context, r *report, site string) {
	name := fmt.Sprintf("_ldap._tcp.%s._sites.dc._msdcs.%s", site, d.Directory.Domain)
	found, err := d.services(ctx, name)
	switch {
	case err != nil:
		r.add(Warning, name, mendServers, "cannot be looked up: %v", err)
	case len(found) == 0:
		r.add(Notice, name, "on a domain controller: samba_dnsupdate --all-names  (Windows: nltest /dsregdns)",
			"no domain controller serves the site %s of this host: those of other sites are asked", site)
	default:
		r.okf(name, "%s in this host's site", countOf(len(found), "domain controller"))
	}
}

// services returns the hosts of the SRV records of a name.
func (d *doctor) services(ctx context.Context, name string) ([]string, error) {
	last := errors.New("no DNS server is configured")
	for _, server := range d.dnsServers() {
		answer, err := d.ask(ctx, server, name, dns.TypeSRV)
		if err != nil {
			last = err
			continue
		}
		if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
			last = errors.New("the DNS server answers " + dns.RcodeToString[answer.Rcode])
			continue
		}
		var hosts []string
		for _, rr := range answer.Answer {
			if s, ok := rr.(*dns.SRV); ok && s.Target != "." {
				hosts = append(hosts, strings.TrimSuffix(s.Target, "."))
			}
		}
		return hosts, nil
	}
	return nil, last
}

// ownSite is the site of the first address of this machine that has one.
func (d *doctor) ownSite() string {
	addrs, err := d.addrs()
	if err != nil {
		return ""
	}
	for _, a := range addrs {
		if id := d.Topology.SiteOf(a); id != sites.None && !a.IsLoopback() {
			return d.Topology.Name(id)
		}
	}
	return ""
}

// namedHosts are the first hosts of targets that are names and not addresses.
func (d *doctor) namedHosts() []string {
	var names []string
	for _, h := range d.targetHosts() {
		if _, err := netip.ParseAddr(h); err != nil {
			names = append(names, h)
		}
	}
	return names
}

// targetHosts are the first thousand hosts of targets.
func (d *doctor) targetHosts() []string {
	if d.Namespaces == nil {
		return nil
	}
	hosts := d.Namespaces.Hosts()
	return hosts[:min(len(hosts), maxHosts)]
}

// checkHostFaults tells what the daemon cannot look up.
func (d *doctor) checkHostFaults(ctx context.Context, r *report) {
	faults, err := d.Live.HostFaults(ctx)
	if err != nil {
		r.skipf("hosts of targets", "the daemon does not say: %v", err)
		return
	}
	var hosts []string
	for h := range faults {
		hosts = append(hosts, h)
	}
	slices.Sort(hosts)
	for _, h := range hosts[:min(len(hosts), maxHosts)] {
		r.add(Failed, h, mendHost(h), "the host of a target cannot be looked up: %s", faults[h])
	}
	if len(hosts) == 0 {
		r.okf("hosts of targets", "the daemon knows the addresses of %s", countOf(len(d.namedHosts()), "host"))
	}
}

func mendHost(host string) string {
	label, zone, dotted := strings.Cut(strings.TrimSuffix(host, "."), ".")
	if !dotted {
		return "name the host in full in namespaces[].folders[].targets[].path"
	}
	return fmt.Sprintf("samba-tool dns add DC %s %s A ADDRESS -U Administrator, or correct the host in namespaces[].folders[].targets[].path", zone, label)
}

// lookUpHosts looks up a batch of hosts where no daemon can be asked.
func (d *doctor) lookUpHosts(ctx context.Context, r *report, hosts []string) {
	client, err := d.resolver()
	if err != nil {
		return // told by the check of the servers
	}
	errs := each(hosts, func(h string) error {
		_, err := client.Addresses(ctx, h)
		return err
	})
	for i, h := range hosts {
		if errs[i] != nil {
			r.add(Failed, h, mendHost(h), "the host of a target cannot be looked up: %v", errs[i])
		}
	}
	if len(r.findings) == 0 {
		r.okf("hosts of targets", "%s with addresses, %s to %s", countOf(len(hosts), "host"), hosts[0], hosts[len(hosts)-1])
	}
}

// each does work with all items at once and returns the results in their order.
func each[T, R any](items []T, work func(T) R) []R {
	results := make([]R, len(items))
	var wg sync.WaitGroup
	for i, item := range items {
		wg.Go(func() { results[i] = work(item) })
	}
	wg.Wait()
	return results
}

// batches cuts hosts into what one check looks at.
func batches(hosts []string) [][]string { return slices.Collect(slices.Chunk(hosts, batch)) }

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
