package dfsc

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"dfsd/referral"
)

// unhex decodes hexadecimal digits, whatever white space they are wrapped with.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The referral of the trace in [MS-DFSC] 4.5: a root referral of version 3 with
// two targets.
const (
	traceRequest = `03005c006400660073006e002d006400650076005c00740065007300740072006f006f00740031000000`

	traceResponse = `
260002000300000003002200010000002c01000044006c0094000000000000000000000000000000000003002200010000002c01000022004a00a200
000000000000000000000000000000005c006400660073006e002d006400650076005c00740065007300740072006f006f007400310000005c006400
660073006e002d006400650076005c00740065007300740072006f006f007400310000005c006300660073002d003400310078002d00320063003000
33005c00740065007300740072006f006f007400310000005c006300660073002d003400310078002d0032006300300032005c007400650073007400
72006f006f00740031000000`
)

// The answer of a Windows server to version 4, captured: a stand-alone root
// that was asked for by address and answered with the server's own name.
const captureResponse = `
260001000300000004002200010004002c01000022004a007200000000000000000000000000000000005c0035003200
2e00350033002e003100380034002e00390031005c00730061006c006500730000005c00350032002e00350033002e00
3100380034002e00390031005c00730061006c006500730000005c00570049004e002d004e0051005500390049004f00
42004500340056004a005c00530061006c00650073000000`

// Name lists as [MS-DFSC] 2.2.5.3.2 lays them out: two domain names in entries
// without padding, and the controllers of a domain in one with padding.
const (
	domainResponse = `
0000 0200 00000000
0300 1200 0000 0200 58020000 2400 0000 0000
0300 1200 0000 0200 58020000 2200 0000 0000
5c00570032004b0038005200320000005c00770032006b003800720032002e006d0061007400770073002e006e00650074000000`

	controllerResponse = `
0000 0100 00000000
0300 2200 0000 0200 58020000 2200 0200 3a00 00000000000000000000000000000000
5c0063006f007200700031002e0074006500730074000000
5c006400630031000000 5c006400630032000000`
)

// rootReferral returns a root referral as Resolve makes it.
func rootReferral(prefix string, targets ...string) *referral.Referral {
	r := &referral.Referral{Path: prefix, Prefix: prefix, Consumed: 2 * len(prefix), IsRoot: true, TTL: 300 * time.Second}
	for i, target := range targets {
		r.Targets = append(r.Targets, referral.Place{RootTarget: target, Boundary: i == 0})
	}
	return r
}

var (
	traceReferral   = rootReferral(`\dfsn-dev\testroot1`, `\cfs-41x-2c03\testroot1`, `\cfs-41x-2c02\testroot1`)
	captureReferral = rootReferral(`\52.53.184.91\sales`, `\WIN-NQU9IOBE4VJ\Sales`)
)
