package referral

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dfsd/namespace"
)

// Every case of [MS-DFSC] 3.2.5 that concerns a server that is no domain
// controller, but for those that lie in SMB itself.
func TestStatusByCase(t *testing.T) {
	asleep := public(t, "fs1 London")
	asleep.Name, asleep.State = "asleep", namespace.Offline
	inSite := public(t, "fs1 London")
	inSite.Name, inSite.InSiteOnly = "insite", true
	v := newView(t, ViewOptions{Domains: []string{"CORP", "corp.example.com"}}, public(t, "fs1 London"), asleep, inSite)
	tests := []struct {
		name, path string
		view       *View
		want       error
		targets    int
	}{
		{name: "root", path: `\srv\public`, targets: 1},
		{name: "link", path: `\srv\public\data`, targets: 1},
		{name: "all targets filtered", path: `\srv\insite\data`, targets: 0},
		{name: "domain referral", path: ``, want: ErrDomainReferral},
		{name: "domain referral with a backslash", path: `\`, want: ErrDomainReferral},
		{name: "DC referral", path: `\corp.example.com`, want: ErrDCReferral},
		{name: "DC referral of Windows 7", path: `corp.example.com`, want: ErrDCReferral},
		{name: "DC referral with a backslash behind", path: `\corp.example.com\`, want: ErrDCReferral},
		{name: "SYSVOL referral", path: `\corp.example.com\SYSVOL`, want: ErrNotFound},
		{name: "SYSVOL referral below", path: `\corp\sysvol\policies`, want: ErrNotFound},
		{name: "NETLOGON referral", path: `\corp\NetLogon`, want: ErrNotFound},
		{name: "stand-alone namespace not here", path: `\srv\private`, want: ErrNotFound},
		{name: "ordinary share", path: `\srv\C$\x`, want: ErrNotFound},
		{name: "domain-based namespace not here", path: `\corp.example.com\private`, want: ErrUnavailable},
		{name: "domain-based link not here", path: `\Corp\private\x`, want: ErrUnavailable},
		{name: "namespace of another domain", path: `\other.example.com\private`, want: ErrNotFound},
		{name: "namespace asked for by domain", path: `\corp\public`, targets: 1},
		{name: "namespace taken offline", path: `\srv\asleep`, want: ErrUnavailable},
		{name: "link of a namespace taken offline", path: `\srv\asleep\data`, want: ErrUnavailable},
		{name: "empty component", path: `\srv\\public`, want: ErrMalformedPath},
		{name: "three backslashes", path: `\\\srv\public`, want: ErrMalformedPath},
		{name: "NUL", path: "\\srv\\public\x00", want: ErrMalformedPath},
		{name: "too long to count", path: `\` + strings.Repeat("x", 32_760) + `\public`, want: ErrMalformedPath},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Referral
			err := v.Resolve(Request{Path: tt.path, Client: tokyo}, nil, &r)
			if !errors.Is(err, tt.want) || (err == nil && len(r.Targets) != tt.targets) {
				t.Errorf("Resolve(%.80q) = %d targets, %v, want %d, %v", tt.path, len(r.Targets), err, tt.targets, tt.want)
			}
		})
	}
	t.Run("namespaces not read yet", func(t *testing.T) {
		var starting *View
		if err := starting.Resolve(Request{Path: `\srv\public`}, nil, new(Referral)); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Resolve() = %v, want %v", err, ErrUnavailable)
		}
	})
}

func TestPrefix(t *testing.T) {
	c := public(t, "fs1 London")
	c.Folders[0].Path = `dir1\link1`
	v := newView(t, ViewOptions{}, c)
	tests := []struct {
		path, prefix string
		consumed     int
		isRoot       bool
	}{
		{path: `\MyDomain\Public\dir1\link1\dir2\file1`, prefix: `\MyDomain\Public\dir1\link1`, consumed: 54},
		{path: `\srv.example.com\PUBLIC\DIR1\Link1`, prefix: `\srv.example.com\PUBLIC\DIR1\Link1`, consumed: 68},
		{path: `\10.0.2.2\public\dir1\link1\`, prefix: `\10.0.2.2\public\dir1\link1`, consumed: 54},
		{path: `\\srv\public\dir1\link1`, prefix: `\srv\public\dir1\link1`, consumed: 44},
		{path: `srv\public\dir1\link1\x`, prefix: `srv\public\dir1\link1`, consumed: 42},
		{path: `\😀é\public\dir1\link1`, prefix: `\😀é\public\dir1\link1`, consumed: 44},
		{path: `\srv\public`, prefix: `\srv\public`, consumed: 22, isRoot: true},
		{path: `\srv\public\`, prefix: `\srv\public`, consumed: 22, isRoot: true},
		{path: `\srv\public\dir1`, prefix: `\srv\public`, consumed: 22, isRoot: true},
		{path: `\srv\public\dir1\link12`, prefix: `\srv\public`, consumed: 22, isRoot: true},
		{path: `\srv\public\none\x`, prefix: `\srv\public`, consumed: 22, isRoot: true},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			var r Referral
			err := v.Resolve(Request{Path: tt.path, Client: london}, nil, &r)
			if err != nil || r.Prefix != tt.prefix || r.Consumed != tt.consumed || r.IsRoot != tt.isRoot || r.Link.IsZero() != tt.isRoot {
				t.Errorf("Resolve(%q) = %q, %d bytes, root %v, %v, want %q, %d bytes, root %v",
					tt.path, r.Prefix, r.Consumed, r.IsRoot, err, tt.prefix, tt.consumed, tt.isRoot)
			}
		})
	}
}

func TestRootTargetIsThisServerAsAsked(t *testing.T) {
	c := public(t, "fs1 London")
	c.InSiteOnly = true
	v := newView(t, ViewOptions{}, c)
	for path, want := range map[string]string{
		`\10.0.2.2\PUBLIC`: `\\10.0.2.2\PUBLIC`, `\srv\public\none`: `\\srv\public`, `srv\public`: `\\srv\public`,
	} {
		var r Referral
		if err := v.Resolve(Request{Path: path, Client: tokyo}, nil, &r); err != nil || len(r.Targets) != 1 {
			t.Fatalf("Resolve(%q) = %d targets, %v, want 1", path, len(r.Targets), err)
		}
		if p := r.Targets[0]; p.Path() != want || !p.Boundary || p.Set != 0 {
			t.Errorf("Resolve(%q) gives %s, boundary %v, set %d, want %s first", path, p.Path(), p.Boundary, p.Set, want)
		}
	}
}

func TestProperties(t *testing.T) {
	for _, tt := range []struct {
		name                               string
		rootFailback, linkFailback         bool
		wantRootFailback, wantLinkFailback bool
	}{
		{name: "no failback"},
		{name: "failback of the link", linkFailback: true, wantLinkFailback: true},
		{name: "failback of the root", rootFailback: true, wantRootFailback: true, wantLinkFailback: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := public(t, "fs1 London")
			c.Failback, c.Folders[0].Failback, c.Folders[0].Interlink = tt.rootFailback, tt.linkFailback, true
			v := newView(t, ViewOptions{}, c)
			r := resolve(t, v, london)
			if r.Failback != tt.wantLinkFailback || r.TTL != 1800*time.Second || !r.Interlink || r.Root.Name() != "public" {
				t.Errorf("link: failback %v, TTL %v, interlink %v", r.Failback, r.TTL, r.Interlink)
			}
			if err := v.Resolve(Request{Path: `\srv\public`}, nil, r); err != nil {
				t.Fatal(err)
			}
			if r.Failback != tt.wantRootFailback || r.TTL != 300*time.Second || r.Interlink {
				t.Errorf("root: failback %v, TTL %v, interlink %v", r.Failback, r.TTL, r.Interlink)
			}
		})
	}
}
