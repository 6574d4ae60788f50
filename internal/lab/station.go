//go:build integration

package lab

import (
	"net/netip"
)

// Station is a client machine: a network namespace with one address.
type Station struct {
	Addr netip.Addr
	lab  *Lab
	ns   string
}

// Station gives the client machine with an address of 10.99.0.0/16 or
// fd99::/64. Tests may share one: it keeps nothing.
func (l *Lab) Station(addr string) *Station {
	l.t.Helper()
	a, err := netip.ParseAddr(addr)
	if err != nil {
		l.t.Fatal(err)
	}
	ns, err := stationAt(l.t.Context(), a)
	if err != nil {
		l.t.Fatal(err)
	}
	return &Station{Addr: a, lab: l, ns: ns}
}

// Run runs a program on the station, to its end.
func (s *Station) Run(name string, args ...string) Output {
	s.lab.t.Helper()
	args = append([]string{"--net=" + netnsPath + s.ns, "--", name}, args...)
	return execute(s.lab.t.Context(), "", "nsenter", args...)
}

// Smbclient runs commands of smbclient, separated by semicolons, on a share
// written as `\\host\share`. Options follow, such as "--max-protocol=SMB2_10".
func (s *Station) Smbclient(unc string, as Account, commands string, options ...string) Output {
	s.lab.t.Helper()
	args := []string{"--configfile=" + clientConfig, "-U", as.Login(), unc, "-c", commands}
	return s.Run("smbclient", append(args, options...)...)
}

// ListShares lists the shares of a host with smbclient.
func (s *Station) ListShares(host netip.Addr, as Account) Output {
	s.lab.t.Helper()
	return s.Run("smbclient", "--configfile="+clientConfig, "-U", as.Login(), "-L", host.String())
}

// Rpcclient runs commands of rpcclient, separated by semicolons.
func (s *Station) Rpcclient(host netip.Addr, as Account, commands string) Output {
	s.lab.t.Helper()
	return s.Run("rpcclient", "--configfile="+clientConfig, "-U", as.Login(), "-c", commands, host.String())
}

// Python runs a script with the interpreter that sees Debian's modules.
func (s *Station) Python(script string, args ...string) Output {
	s.lab.t.Helper()
	return s.Run(debianPython, append([]string{script}, args...)...)
}
