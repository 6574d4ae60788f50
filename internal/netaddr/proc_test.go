package netaddr

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

func TestFromProc(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the texts are of a machine of little-endian words")
	}
	for text, want := range map[string]string{
		"0701010A:01BD":                         "10.1.1.7:445",
		"00000000:01BD":                         "0.0.0.0:445",
		"0000000000000000FFFF00000701010A:01BD": "10.1.1.7:445",
		"B80D0120000000000000000007000000:1F90": "[2001:db8::7]:8080",
		"00000000000000000000000000000000:1662": "[::]:5730",
	} {
		if got := FromProc(text); got.String() != want {
			t.Errorf("FromProc(%s) = %v, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", ":", "0701010A", "0701010A:", "0701010:01BD", "0701010A01:01BD", "0701010A0701010A:01BD", "0701010A:1FFFF", "zz:zz"} {
		if got := FromProc(text); got != (netip.AddrPort{}) {
			t.Errorf("FromProc(%q) = %v", text, got)
		}
	}
}
