//go:build integration && bench

package bench_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"dfsd/internal/bench"
	"dfsd/internal/lab"
	"dfsd/internal/smbclient"
)

func TestMain(m *testing.M) { lab.Main(m) }

// folders are the links that both servers have: two targets each.
func folders(n int) []lab.Folder {
	all := make([]lab.Folder, n)
	for i := range all {
		all[i] = lab.Folder{
			Path:    link(i),
			Targets: []string{fmt.Sprintf(`\\fs%d.nyc.example.com\share`, i%50), fmt.Sprintf(`\\fs%d.lon.example.com\share`, i%50)},
		}
	}
	return all
}

func link(i int) string { return fmt.Sprintf("department-%05d", i) }

// rest is the same namespace for dfsd, with sites, so that every referral is
// looked up and ordered by cost.
func rest(folders []lab.Folder) string {
	var b strings.Builder
	b.WriteString("sites:\n  default: NewYork\n  static:\n    sites: [NewYork, London]\n    links: [{name: ny-lon, sites: [NewYork, London], cost: 100}]\n")
	b.WriteString("namespaces:\n  - name: dfs\n    folders:\n")
	for _, f := range folders {
		fmt.Fprintf(&b, "      - {path: %s, targets: [{path: '%s', site: NewYork}, {path: '%s', site: London}]}\n", f.Path, f.Targets[0], f.Targets[1])
	}
	return b.String()
}

// server is either of the two under load.
type server struct {
	name  string
	addr  netip.Addr
	usage func() lab.Usage
}

func signed() smbclient.Options {
	return smbclient.Options{
		SigningRequired: true,
		Credentials:     smbclient.Credentials{User: lab.Alice.User, Password: lab.Alice.Password},
	}
}

// requests is how many are asked at a time, so that the server takes about a
// second of CPU, which is counted in hundredths. Samba's cost grows with its
// links.
func requests(name string, links int) int {
	switch {
	case name == "dfsd":
		return 48_000
	case links > 10_000:
		return 160
	}
	return 3_200
}

// TestReferralsPerCPUSecond prints referrals per second of the server's CPU.
func TestReferralsPerCPUSecond(t *testing.T) {
	const rounds = 3
	for _, links := range []int{1_000, 50_000} {
		l := lab.New(t)
		all := folders(links)
		samba := l.Samba(lab.SambaSetup{Shares: []lab.Share{{Name: "dfs", Folders: all, Options: []string{"read only = yes"}}}})
		dfsd := l.Dfsd(lab.DfsdSetup{Rest: rest(all)})
		for _, clients := range []int{1, 16} {
			for round := range rounds { // in turns: noise meets both
				var rates [2]float64
				for i, s := range []server{{"dfsd", dfsd.Addr, dfsd.Usage}, {"samba", samba.Addr, samba.Usage}} {
					rates[i] = measure(t, s, links, clients)
				}
				fmt.Printf("referrals per CPU second: %6d links %2d connections round %d: dfsd %8.0f samba %6.0f ratio %6.1f\n",
					links, clients, round+1, rates[0], rates[1], rates[0]/rates[1])
			}
		}
	}
}

func measure(t *testing.T, s server, links, clients int) float64 {
	t.Helper()
	load := bench.Load{
		Server: s.addr, Options: signed(), Clients: clients, Targets: 2,
		Path: func(n int) string { return `\` + s.addr.String() + `\dfs\` + link(n*7919%links) },
	}
	var before, after lab.Usage
	asked, err := load.Run(t.Context(), requests(s.name, links), func() { before = s.usage() }, func() { after = s.usage() })
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return float64(asked) / (after.CPU - before.CPU).Seconds()
}

// TestIdleConnections prints the memory of 10,000 clients that have logged on
// and are silent.
func TestIdleConnections(t *testing.T) {
	const clients = 10_000
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Max < clients+500 {
		t.Fatalf("%d files may be open, %v; `ulimit -Hn %d` first", files.Max, err, 2*clients)
	}
	l := lab.New(t)
	d := l.Dfsd(lab.DfsdSetup{Rest: rest(folders(1_000))})
	before := d.Usage()
	conns := make([]*smbclient.Conn, clients)
	start := time.Now()
	for i := range conns {
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		c, err := smbclient.Dial(ctx, netip.AddrPortFrom(d.Addr, 445).String(), signed())
		if err == nil {
			_, err = c.TreeConnect(ctx, `\\`+d.Addr.String()+`\dfs`)
		}
		stop()
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		defer c.Close()
		conns[i] = c
	}
	logons := float64(clients) / time.Since(start).Seconds()
	// Quiet for longer than a collection of the daemon's garbage takes to come.
	quiet := time.Now().Add(10 * time.Second)
	var now lab.Usage
	l.Await("quiet", func() error {
		if now = d.Usage(); time.Now().Before(quiet) {
			return fmt.Errorf("%d MiB resident", now.Resident>>20)
		}
		return nil
	})
	for _, i := range []int{0, clients / 2, clients - 1} {
		if err := conns[i].Echo(t.Context()); err != nil {
			t.Errorf("client %d does not live: %v", i, err)
		}
	}
	fmt.Printf("idle connections: %d authenticated with a tree, %.0f log-ons a second: %.1f MB resident (%.1f MB before any)\n",
		clients, logons, float64(now.Resident)/1e6, float64(before.Resident)/1e6)
}
