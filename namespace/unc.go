package namespace

import (
	"errors"
	"fmt"
	"strings"
)

// UNC is the path of a directory on a file server, \\host\share\dir, in the
// form that ParseUNC makes: two backslashes, then components with one between.
type UNC string

// ParseUNC reads \\host\share\dir or //host/share/dir. It refuses a path without
// a share and every component that Windows could not open.
func ParseUNC(s string) (UNC, error) {
	clean := strings.ReplaceAll(s, "/", `\`)
	rest, ok := strings.CutPrefix(clean, `\\`)
	if !ok {
		return "", fmt.Errorf(`%#q does not begin with two backslashes; a UNC path is \\host\share`, s)
	}
	if strings.HasPrefix(rest, `\`) {
		return "", fmt.Errorf(`%#q begins with more than two backslashes; write them single, in single quotes or none`, s)
	}
	host, path, _ := strings.Cut(rest, `\`)
	if err := checkHost(host); err != nil {
		return "", fmt.Errorf("%#q: %w", s, err)
	}
	if path == "" {
		return "", fmt.Errorf(`%#q names no share; a UNC path is \\host\share`, s)
	}
	if err := checkPath(path); err != nil {
		return "", fmt.Errorf("%#q: %w", s, err)
	}
	return UNC(clean), nil
}

// Host returns the host that u names.
func (u UNC) Host() string {
	host, _ := u.cut()
	return host
}

// dir returns the share and the directory on it that u names, share\dir.
func (u UNC) dir() string {
	_, dir := u.cut()
	return dir
}

func (u UNC) cut() (host, dir string) {
	host, dir, _ = strings.Cut(strings.TrimPrefix(string(u), `\\`), `\`)
	return host, dir
}

func (u UNC) String() string { return string(u) }

// MarshalText returns the path with backslashes.
func (u UNC) MarshalText() ([]byte, error) { return []byte(u), nil }

// UnmarshalText reads a path as ParseUNC does.
func (u *UNC) UnmarshalText(text []byte) error {
	parsed, err := ParseUNC(string(text))
	if err != nil {
		return err
	}
	*u = parsed
	return nil
}

var errIPv6Host = errors.New("a UNC path writes the IPv6 address 2001:db8::1 as 2001-db8--1.ipv6-literal.net")

// checkHost returns what forbids s as the host of a UNC path: a NetBIOS name, a
// DNS name or an IPv4 address.
func checkHost(s string) error {
	switch {
	case s == "":
		return errors.New("no host before the share")
	case strings.Contains(s, ":"):
		return errIPv6Host
	case strings.ContainsAny(s, " \t"):
		return fmt.Errorf("the host %#q holds a blank", s)
	}
	return checkName(s)
}
