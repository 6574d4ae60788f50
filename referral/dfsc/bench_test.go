package dfsc_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/referral/dfsc"
	"dfsd/sites"
)

// estate has a hundred sites in a row, with a /16 each.
func estate(tb testing.TB) *sites.Topology {
	tb.Helper()
	c := sites.Config{BridgeAll: true}
	for i := range 100 {
		c.Sites = append(c.Sites, fmt.Sprintf("Site-%02d", i))
		c.Subnets = append(c.Subnets, sites.SubnetConfig{
			Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i)}), 16), Site: c.Sites[i],
		})
		if i > 0 {
			c.Links = append(c.Links, sites.LinkConfig{Name: c.Sites[i], Sites: c.Sites[i-1 : i+1], Cost: 1 + i%7})
		}
	}
	topo, err := sites.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return topo
}

// company has a namespace of n folders, a hundred to a department, with three
// targets each on some of 300 servers.
func company(tb testing.TB, n int) *referral.View {
	tb.Helper()
	c := namespace.Config{Name: "public", TTL: 300 * time.Second, Folders: make([]namespace.FolderConfig, n)}
	for i := range c.Folders {
		f := namespace.FolderConfig{Path: folder(i), TTL: 1800 * time.Second}
		for j := range 3 {
			server := (i*7 + j*101) % 300
			f.Targets = append(f.Targets, namespace.TargetConfig{
				Path: namespace.UNC(fmt.Sprintf(`\\fs%03d.corp.example.com\share%d\folder-%06d`, server, server%10, i)),
				Site: fmt.Sprintf("Site-%02d", server%100),
			})
		}
		c.Folders[i] = f
	}
	ns, err := namespace.New([]namespace.Config{c})
	if err != nil {
		tb.Fatal(err)
	}
	return referral.NewView(ns, estate(tb), referral.ViewOptions{})
}

func folder(i int) string { return fmt.Sprintf(`Department-%05d\Folder-%02d`, i/100, i%100) }

// requests returns requests of clients in all sites for so many different
// folders, spread evenly over a namespace of n.
func requests(n, folders int) []referral.Request {
	random := rand.New(rand.NewPCG(5, 6))
	reqs := make([]referral.Request, max(folders, 1<<12))
	for i := range reqs {
		reqs[i] = referral.Request{
			Path:   `\srv1.corp.example.com\public\` + folder(i%folders*(n/folders)) + `\reports\2026.xlsx`,
			Client: netip.AddrFrom4([4]byte{10, byte(random.IntN(100)), byte(random.IntN(256)), 9}),
		}
	}
	random.Shuffle(len(reqs), func(i, j int) { reqs[i], reqs[j] = reqs[j], reqs[i] })
	return reqs
}

// BenchmarkReferral takes a decoded path to an encoded answer of version 4 with
// three targets. It has to be as quick in a namespace of a million folders as in
// one of a thousand. In each a thousand folders are in use; where it is every
// folder of a million, or nearly so (all), hardly any memory that an answer
// needs is still in the processor's caches.
func BenchmarkReferral(b *testing.B) {
	for _, size := range []struct {
		name          string
		folders, used int
	}{
		{"1k", 1000, 1000},
		{"50k", 50_000, 1000},
		{"1M", 1_000_000, 1000},
		{"50k-all", 50_000, 50_000},
		{"1M-all", 1_000_000, 200_000},
	} {
		b.Run(size.name, func(b *testing.B) {
			v, reqs := company(b, size.folders), requests(size.folders, size.used)
			random, buf := referral.NewRandom(), make([]byte, 0, 4096)
			var out referral.Referral
			runtime.GC()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				if err := v.Resolve(reqs[i%len(reqs)], random, &out); err != nil {
					b.Fatal(err)
				}
				answer, err := dfsc.AppendResponse(buf, &out, 4, 4096)
				if err != nil || len(out.Targets) != 3 || len(answer) < 300 {
					b.Fatal(len(answer), err)
				}
			}
		})
	}
}

func BenchmarkParseRequest(b *testing.B) {
	msg := dfsc.Request{MaxLevel: 4, Path: `\srv1.corp.example.com\public\Department-00042\Folder-07\reports\2026.xlsx`}.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dfsc.ParseRequest(msg); err != nil {
			b.Fatal(err)
		}
	}
}

// The way from a decoded path to the answer allocates nothing once its buffers
// are there, whether the answer is whole or cut.
func TestReferralAllocatesNothing(t *testing.T) {
	v, reqs, random := company(t, 100), requests(100, 100), referral.NewRandom()
	var out referral.Referral
	buf := make([]byte, 0, 4096)
	for _, limit := range []int{4096, 480} {
		i := 0
		got := testing.AllocsPerRun(1000, func() {
			i++
			if err := v.Resolve(reqs[i], random, &out); err != nil {
				t.Fatal(err)
			}
			if _, err := dfsc.AppendResponse(buf, &out, 4, limit); err != nil {
				t.Fatal(err)
			}
		})
		if got >= 1 {
			t.Errorf("a referral within %d bytes allocates %v times, want 0", limit, got)
		}
	}
}
