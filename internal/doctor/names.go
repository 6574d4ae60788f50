package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"dfsd/internal/resolve"
	"dfsd/internal/smbauth"
)

// nameChecks looks at the names of this server.
func (d *doctor) nameChecks() []Check {
	var checks []Check
	for i, name := range d.ownNames() {
		checks = append(checks, check(Names, name, func(ctx context.Context, r *report) { d.checkName(ctx, r, name, i > 0 || d.Host == "") }))
	}
	return checks
}

// ownNames are the host and smb.names, each once.
func (d *doctor) ownNames() []string {
	var names []string
	for _, n := range append([]string{d.Host}, d.SMBNames...) {
		same := func(o string) bool { return sameName(n, o) }
		if n != "" && !slices.ContainsFunc(names, same) {
			names = append(names, n)
		}
	}
	return names
}

func sameName(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}

// resolver asks as the daemon does.
func (d *doctor) resolver() (*resolve.Client, error) {
	return resolve.New(resolve.Options{Servers: d.FreshDNS, ResolvConf: d.resolvConf, Dial: d.dial})
}

// checkName looks one name up; further says that it is one of smb.names.
func (d *doctor) checkName(ctx context.Context, r *report, name string, further bool) {
	client, err := d.resolver()
	if err != nil {
		r.add(Failed, name, mendServers, "no DNS server to ask: %v", err)
		return
	}
	answer, err := client.Addresses(ctx, name)
	if err != nil {
		d.unresolved(r, name, further, err)
		return
	}
	own, err := d.addrs()
	if err != nil {
		r.skipf(name, "resolves to %s; the addresses of this machine are not known: %v", addrList(answer.Addrs), err)
		return
	}
	here := slices.ContainsFunc(answer.Addrs, func(a netip.Addr) bool { return slices.Contains(own, a) })
	loopback := !slices.ContainsFunc(answer.Addrs, func(a netip.Addr) bool { return !a.IsLoopback() })
	switch {
	case !here:
		r.add(Warning, name, mendAddress(name, own),
			"resolves to %s, and this machine has %s: clients go elsewhere, unless a load balancer stands there", addrList(answer.Addrs), addrList(outward(own)))
	case loopback && len(outward(own)) > 0:
		r.add(Warning, name, mendAddress(name, own), "resolves to %s here, which no client can reach", addrList(answer.Addrs))
	default:
		r.okf(name, "resolves to %s, which is this machine", addrList(answer.Addrs))
	}
	d.checkAlias(ctx, r, name)
}

const mendServers = "set sites.ldap.dns to the host:port of a resolver that answers, or name one in /etc/resolv.conf"

func (d *doctor) unresolved(r *report, name string, further bool, err error) {
	if errors.Is(err, resolve.ErrServers) || !errors.Is(err, resolve.ErrNotFound) && !errors.Is(err, resolve.ErrNoAddress) {
		r.add(Failed, name, mendServers, "cannot be looked up: %v", err)
		return
	}
	own, _ := d.addrs() // none: the command shows a word in their place
	what := "host"
	if further {
		what = "smb.names"
	}
	r.add(Failed, name, mendAddress(name, own), "%s %s is not in the DNS: clients do not find this server by it", what, name)
}

// mendAddress is the command that gives a name this machine's address.
func mendAddress(name string, own []netip.Addr) string {
	address, kind := "ADDRESS", "A"
	if out := outward(own); len(out) > 0 {
		address = out[0].String()
		if !out[0].Is4() {
			kind = "AAAA"
		}
	}
	label, zone, dotted := strings.Cut(strings.TrimSuffix(name, "."), ".")
	if !dotted {
		return fmt.Sprintf("use a full name, such as %s.corp.example.com, and give it the address %s in the DNS", name, address)
	}
	return fmt.Sprintf("samba-tool dns add DC %s %s %s %s -U Administrator", zone, label, kind, address)
}

// outward are the addresses that others can reach, IPv4 first.
func outward(addrs []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range addrs {
		if a.IsGlobalUnicast() && !a.IsLinkLocalUnicast() {
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return out
}

// addrList writes a few addresses.
func addrList(addrs []netip.Addr) string {
	if len(addrs) == 0 {
		return "no address"
	}
	texts := make([]string, 0, 4)
	for _, a := range addrs[:min(len(addrs), 4)] {
		texts = append(texts, a.String())
	}
	if more := len(addrs) - len(texts); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(texts, ", "), more)
	}
	return strings.Join(texts, ", ")
}

// checkAlias looks whether a name is an alias: Kerberos asks for a ticket by
// the name that the user typed, and an alias needs a service name of its own.
func (d *doctor) checkAlias(ctx context.Context, r *report, name string) {
	target := d.aliasOf(ctx, name)
	if target == "" || d.Keytab == "" {
		return
	}
	keys, err := smbauth.LoadKeytab(d.Keytab)
	if err != nil {
		return // told by the check of the keytab
	}
	if held(keys, name) {
		r.okf(name, "is an alias of %s and has a service name of its own", target)
		return
	}
	r.add(Warning, name, fmt.Sprintf("samba-tool spn add cifs/%s %s && %s", name, accountIn(keys), mendExport(d.Keytab, "cifs/"+name)),
		"is an alias of %s without a key of cifs/%s in %s: clients that use it fall back to NTLM or are refused", target, name, d.Keytab)
}
