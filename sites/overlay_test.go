package sites

import (
	"net/netip"
	"reflect"
	"testing"
)

func TestOverlay(t *testing.T) {
	p := netip.MustParsePrefix
	base := Config{
		Sites:   []string{"HQ", "London", "Oslo"},
		Subnets: []SubnetConfig{{p("10.1.0.0/16"), "HQ"}, {p("10.2.0.0/16"), "London"}},
		Links: []LinkConfig{
			{Name: "hq-lon", Sites: []string{"HQ", "London"}, Cost: 100}, {Name: "hq-osl", Sites: []string{"HQ", "Oslo"}, Cost: 300},
		},
		Bridges: []BridgeConfig{{Name: "all", Links: []string{"hq-lon", "hq-osl"}}},
	}
	over := Config{
		Sites:   []string{"hq", "Lab"},
		Subnets: []SubnetConfig{{p("10.2.0.0/16"), "LAB"}, {p("10.9.0.0/16"), "Mars"}},
		Links: []LinkConfig{
			{Name: "HQ-LON", Sites: []string{"London", "Lab"}, Cost: 5}, {Name: "to-mars", Sites: []string{"HQ", "Mars"}, Cost: 1},
		},
		Bridges: []BridgeConfig{{Name: "far", Links: []string{"hq-osl", "to-mars"}}},
	}
	if faults := over.ValidateOverlay(); len(faults) > 0 {
		t.Errorf("over: %v", faults)
	}
	if faults := over.Validate(); len(faults) == 0 {
		t.Error("over alone has no fault")
	}
	got, missing := Overlay(base, over)
	want := Config{
		Sites:   []string{"hq", "Lab", "London", "Oslo"},
		Subnets: []SubnetConfig{{p("10.2.0.0/16"), "LAB"}, {p("10.1.0.0/16"), "HQ"}},
		Links:   []LinkConfig{{Name: "HQ-LON", Sites: []string{"London", "Lab"}, Cost: 5}, {Name: "hq-osl", Sites: []string{"HQ", "Oslo"}, Cost: 300}},
		Bridges: []BridgeConfig{{Name: "all", Links: []string{"hq-lon", "hq-osl"}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(missing) != 3 {
		t.Errorf("missing %q, want a subnet, a link and a bridge", missing)
	}
	if _, err := New(got); err != nil {
		t.Error(err)
	}
	if same, missing := Overlay(base, Config{}); !reflect.DeepEqual(same, base) || len(missing) > 0 {
		t.Errorf("nothing over it: %+v, %q", same, missing)
	}
}
