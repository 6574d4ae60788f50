package fscc

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// unhex reads golden bytes; white space in them is for the reader.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkGolden(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if w := unhex(t, want); !bytes.Equal(got, w) {
		t.Errorf("%s =\n%s, want\n%s", what, hex.Dump(got), hex.Dump(w))
	}
}

// times are four different ones, in hexadecimal below as goldenTimes.
var times = Times{Created: 0x11, Accessed: 0x22, Written: 0x33, Changed: 0x44}

const goldenTimes = `1100000000000000 2200000000000000 3300000000000000 4400000000000000 `
