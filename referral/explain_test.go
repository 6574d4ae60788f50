package referral

import (
	"testing"

	"dfsd/namespace"
)

func TestWhy(t *testing.T) {
	v := newView(t, ViewOptions{States: states{"lag": Lagging}}, public(t,
		"lon London", "tok Tokyo site-cost-high rank3", "lag Paris", "isl Island", "mis Rome", "192.0.2.7 -"))
	random := public(t, "lon London", "tok Tokyo")
	random.Ordering = namespace.Random
	tests := []struct {
		name string
		r    *Referral
		host string
		want string
	}{
		{name: "same site", r: resolve(t, v, london), host: "lon", want: "same site (London), cost 0; class site-cost-normal; rank 0"},
		{name: "by cost", r: resolve(t, v, london), host: "tok", want: "site Tokyo, cost 30 from London; class site-cost-high; rank 3"},
		{
			name: "lagging", r: resolve(t, v, london), host: "lag",
			want: "site Paris, cost 10 from London; class site-cost-normal; rank 0; lagging (because of lag), so behind every target that is up",
		},
		{name: "no route", r: resolve(t, v, london), host: "isl", want: "site Island, no route from London; class site-cost-normal; rank 0"},
		{name: "site unknown", r: resolve(t, v, london), host: "mis", want: "site Rome is not a known site; class site-cost-normal; rank 0"},
		{
			name: "address in no subnet", r: resolve(t, v, london), host: "192.0.2.7",
			want: "no known site has the address of 192.0.2.7; class site-cost-normal; rank 0",
		},
		{
			name: "client without site", r: resolve(t, v, nowhere), host: "tok",
			want: "the client's site is unknown, so cost does not count; class site-cost-high; rank 3",
		},
		{
			name: "ordering random", r: resolve(t, newView(t, ViewOptions{}, random), london), host: "tok",
			want: "site Tokyo, not the client's (London); ordering random, so cost does not count; class site-cost-normal; rank 0",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, p := range tt.r.Targets {
				if got := tt.r.Why(p); p.Target.Host() == tt.host && got != tt.want {
					t.Errorf("Why(%s) = %q, want %q", tt.host, got, tt.want)
				}
			}
		})
	}
	root := new(Referral)
	if err := v.Resolve(Request{Path: `\srv\public`}, nil, root); err != nil {
		t.Fatal(err)
	}
	if got, want := root.Why(root.Targets[0]), "this server, by the name that the client used"; got != want {
		t.Errorf("Why(root) = %q, want %q", got, want)
	}
}

func TestWhyNot(t *testing.T) {
	folder := public(t, "lon London", "non -")
	folder.Folders[0].InSiteOnly = true
	whole := public(t, "lon London")
	whole.InSiteOnly = true
	off := public(t, "a London")
	off.Folders[0].State = namespace.Offline
	out := ViewOptions{States: states{"a": Offline, "b": Drained}}
	tests := []struct {
		name string
		r    *Referral
		want []string
	}{
		{name: "folder", r: resolve(t, newView(t, ViewOptions{}, folder), tokyo), want: []string{
			"site London is not the client's (Tokyo), and the folder is in_site_only",
			"the target's site is unknown, and the folder is in_site_only",
		}},
		{name: "namespace", r: resolve(t, newView(t, ViewOptions{}, whole), nowhere), want: []string{
			"the client's site is unknown, and the namespace is in_site_only",
		}},
		{name: "folder offline", r: resolve(t, newView(t, ViewOptions{}, off), london), want: []string{"the folder is offline"}},
		{name: "states", r: resolve(t, newView(t, out, public(t, "a London", "b London", "c Tokyo")), london), want: []string{
			"the target is offline (because of a)", "the target is drained (because of b)",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if len(tt.r.Excluded) != len(tt.want) {
				t.Fatalf("%d exclusions, want %d", len(tt.r.Excluded), len(tt.want))
			}
			for i, e := range tt.r.Excluded {
				if got := tt.r.WhyNot(e); got != tt.want[i] {
					t.Errorf("WhyNot(%s) = %q, want %q", e.Path(), got, tt.want[i])
				}
			}
		})
	}
}

func TestNames(t *testing.T) {
	if got := Lagging.String() + " " + State(9).String() + " " + SameSite.String() + " " + Reason(99).String(); got != "lagging state 9 same-site reason 99" {
		t.Errorf("names = %q", got)
	}
	if got := new(Referral).SiteName(1); got != "" {
		t.Errorf("SiteName without a view = %q", got)
	}
}
