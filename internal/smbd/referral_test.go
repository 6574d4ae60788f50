package smbd

import (
	"testing"

	"dfsd/internal/smb2"
)

func TestReferralOverEveryDialect(t *testing.T) {
	h := listen(t, testOptions(t))
	for _, d := range dialects {
		for _, seal := range []bool{false, true} {
			if seal && !d.Is3x() {
				continue
			}
			t.Run(d.String(), func(t *testing.T) {
				c := h.connect(t, d)
				c.mustLogon(testUser, testPassword)
				c.seal = seal
				c.connectTree("IPC$")
				r := c.referral(`\fs1\public\docs\projects\deep`)
				if len(r.Entries) != 2 || r.Entries[0].Target != `\10.1.0.1\projects` {
					t.Errorf("referral = %+v, want the target in NewYork first", r)
				}
				if got, want := int(r.Consumed), 2*len(`\fs1\public\docs\projects`); got != want {
					t.Errorf("PathConsumed = %d, want %d", got, want)
				}
				if c.negotiated.Dialect != d || !c.negotiated.Capabilities.Has(smb2.CapDFS) {
					t.Errorf("negotiated %v with %#x", c.negotiated.Dialect, c.negotiated.Capabilities)
				}
			})
		}
	}
}
