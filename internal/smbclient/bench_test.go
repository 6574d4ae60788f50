package smbclient

import (
	"testing"

	"dfsd/internal/smb2"
	"dfsd/referral/dfsc"
)

// BenchmarkReferral measures this client and the peer of its tests together,
// over the loopback.
func BenchmarkReferral(b *testing.B) {
	for _, prot := range protections {
		p := newPeer()
		p.tcp = true
		c := p.mustDial(b, asAlice(prot.change))
		tree, err := c.TreeConnect(b.Context(), `\\peer\IPC$`)
		if err != nil {
			b.Fatal(err)
		}
		h := smb2.Header{Command: smb2.CommandIoctl, TreeID: tree.ID()}
		body := smb2.Body(ReferralRequest(dfsc.Request{MaxLevel: 4, Path: `\peer\dfs`}, 8192))
		b.Run(prot.name+"/one at a time", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := c.RoundTrip(b.Context(), h, body); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(prot.name+"/pipelined", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for c.Credits() > 0 && c.Due() < 64 {
					if _, err := c.Send(b.Context(), h, body); err != nil {
						b.Fatal(err)
					}
				}
				if _, _, err := c.Receive(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			for c.Due() > 0 {
				if _, _, err := c.Receive(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
