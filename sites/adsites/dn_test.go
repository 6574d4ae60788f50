package adsites

import (
	"slices"
	"testing"
)

func TestParseDN(t *testing.T) {
	tests := []struct {
		dn   string
		want []rdn // nil: refused
	}{
		{`CN=HQ,CN=Sites`, []rdn{{"CN", "HQ"}, {"CN", "Sites"}}},
		{`CN=10.1.0.0\/16,CN=Subnets`, []rdn{{"CN", "10.1.0.0/16"}, {"CN", "Subnets"}}},
		{`CN=a\0ACNF:1f`, []rdn{{"CN", "a\nCNF:1f"}}},
		{` cn = a\,b\=c , o= d\  `, []rdn{{"cn", "a,b=c"}, {"o", "d "}}},
		{`cn=Z\c3\bcrich\\,o=x=y`, []rdn{{"cn", `Zürich\`}, {"o", "x=y"}}},
		{`cn=a\\ ,o=b`, []rdn{{"cn", `a\`}, {"o", "b"}}},
		{"", nil},
		{"HQ", nil},
		{`cn=a\`, nil},
		{"cn=a,", nil},
		{"cn=,o=b", nil},
		{"=a", nil},
	}
	for _, tt := range tests {
		if got, ok := parseDN(tt.dn); ok != (tt.want != nil) || ok && !slices.Equal(got, tt.want) {
			t.Errorf("parseDN(%q) = %q, %v, want %q", tt.dn, got, ok, tt.want)
		}
	}
	for _, same := range [][2]string{{`CN=A\2cB,O=x`, `cn=a\,b, o=X`}, {"cn=\u212a", "CN=k"}, {"HQ", "hq"}} {
		if dnKey(same[0]) != dnKey(same[1]) {
			t.Errorf("%q and %q have keys %q and %q", same[0], same[1], dnKey(same[0]), dnKey(same[1]))
		}
	}
	if dnKey(`cn=a\,o=b`) == dnKey("cn=a,o=b") {
		t.Error("an escaped comma parts a name")
	}
}

func FuzzDN(f *testing.F) {
	for _, s := range []string{`CN=10.1.0.0\/16\0ACNF:aa,CN=Subnets`, `cn= a\  ,o=b`, `cn=\`, `a=\gg`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, dn string) {
		parts, ok := parseDN(dn)
		if !ok {
			return
		}
		value, ok := firstValue(dn)
		if !ok || value != parts[0].value {
			t.Fatalf("firstValue(%q) = %q, %v, want %q", dn, value, ok, parts[0].value)
		}
		if parent := parentDN(dn); (parent != "") != (len(parts) > 1) {
			t.Fatalf("parentDN(%q) = %q of %q", dn, parent, parts)
		}
	})
}
