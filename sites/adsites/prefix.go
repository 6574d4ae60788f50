package adsites

import (
	"fmt"
	"net/netip"
	"strings"
)

// parsePrefix reads the name of a subnet, or says why it is none. With windows
// it takes only what a domain controller takes: canonical text, a length that
// is not 0, and an IPv4 address that is not its own mask ([MS-ADTS]
// 6.1.1.2.2.2.1). A prefix of IPv4 within IPv6 never matches, as such addresses
// are looked up as IPv4.
func parsePrefix(text string, windows bool) (netip.Prefix, string) {
	if strings.Contains(text, conflictMark) {
		before, _, _ := strings.Cut(text, conflictMark)
		return netip.Prefix{}, fmt.Sprintf("it lost a naming conflict for %q, and Windows does not look at it: delete it", before)
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Sprintf("its name %q is no prefix such as 10.1.0.0/16", text)
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Sprintf("%q is IPv4 within IPv6, which no address is looked up as: name it as IPv4", text)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Sprintf("%q has bits set beyond its length: should it be %s?", text, p.Masked())
	case !windows:
		return p, ""
	case p.Bits() == 0:
		return netip.Prefix{}, fmt.Sprintf("%q has length 0, and Windows does not look at it", text)
	case !strings.EqualFold(text, p.String()):
		return netip.Prefix{}, fmt.Sprintf("%q is not written as Windows demands: name it %s", text, p)
	case isMask(p):
		return netip.Prefix{}, fmt.Sprintf("%q is its own mask, and Windows does not look at it", text)
	}
	return p, ""
}

// isMask reports whether the address of an IPv4 prefix is its mask.
func isMask(p netip.Prefix) bool {
	if !p.Addr().Is4() {
		return false
	}
	ones := netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), p.Bits())
	return p.Addr() == ones.Masked().Addr()
}
