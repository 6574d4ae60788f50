//go:build integration

package lab_test

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"dfsd/internal/lab"
)

// The sites of these tests, and one client in each:
//
//	Paris 10.99.11.0/24 ── 10 ── Lyon 10.99.12.0/24 ── 20 ── Nice 10.99.13.0/24
//
// Oslo is a site that no link joins; 10.99.99.9 is in no subnet.
const sitesYAML = `
sites:
  static:
    sites: [Paris, Lyon, Nice, Oslo]
    subnets:
      - {prefix: 10.99.11.0/24, site: Paris}
      - {prefix: 10.99.12.0/24, site: Lyon}
      - {prefix: 10.99.13.0/24, site: Nice}
      - {prefix: 10.99.14.0/24, site: Oslo}
      - {prefix: "fd99::11:0/112", site: Nice}
    links:
      - {name: paris-lyon, sites: [Paris, Lyon], cost: 10}
      - {name: lyon-nice, sites: [Lyon, Nice], cost: 20}
`

// orderYAML has a folder for each rule of the order. The names of the targets'
// hosts say where they stand.
const orderYAML = sitesYAML + `
namespaces:
  - name: public
    folders:
      - path: by-cost
        targets:
          - {path: '\\nice\a', site: Nice}
          - {path: '\\lyon\a', site: Lyon}
          - {path: '\\paris\a', site: Paris}
          - {path: '\\oslo\a', site: Oslo}
      - path: by-address
        targets:
          - path: '\\10.99.13.200\a'
          - path: '\\10.99.12.200\a'
          - path: '\\10.99.11.200\a'
      - path: by-priority
        targets:
          - {path: '\\lyon\last', site: Lyon, priority: global-low}
          - {path: '\\paris\normal', site: Paris}
          - {path: '\\paris\low', site: Paris, priority: site-cost-low}
          - {path: '\\lyon\high', site: Lyon, priority: site-cost-high}
          - {path: '\\paris\high', site: Paris, priority: site-cost-high}
          - {path: '\\nice\first', site: Nice, priority: global-high}
      - path: by-rank
        targets:
          - {path: '\\paris\two', site: Paris, rank: 2}
          - {path: '\\lyon\zero', site: Lyon}
          - {path: '\\paris\one', site: Paris, rank: 1}
          - {path: '\\paris\zero', site: Paris}
          - {path: '\\lyon\thirty-one', site: Lyon, rank: 31}
      - path: equals
        targets:
          - {path: '\\paris\a', site: Paris}
          - {path: '\\paris\b', site: Paris}
          - {path: '\\paris\c', site: Paris}
          - {path: '\\lyon\a', site: Lyon}
          - {path: '\\lyon\b', site: Lyon}
      - path: in-site
        in_site_only: true
        targets:
          - {path: '\\paris\a', site: Paris}
          - {path: '\\lyon\a', site: Lyon}
      - path: offline
        targets:
          - {path: '\\paris\off', site: Paris, state: offline}
          - {path: '\\paris\on', site: Paris}
          - {path: '\\lyon\off', site: Lyon, state: offline}
          - {path: '\\lyon\on', site: Lyon}
      - path: closed
        state: offline
        targets:
          - {path: '\\paris\a', site: Paris}
`

// TestOrder: clients at different addresses get the targets in the order that
// the table says, on the wire as in `dfsd referral explain`.
func TestOrder(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := l.Dfsd(lab.DfsdSetup{Rest: orderYAML})
	const paris, lyon, nice, oslo, nowhere = "10.99.11.5", "10.99.12.5", "10.99.13.5", "10.99.14.5", "10.99.99.9"
	cases := []struct {
		folder string
		client string
		want   [][]string // target sets; equals within a set come in any order
	}{
		{"by-cost", paris, [][]string{{`\\paris\a`}, {`\\lyon\a`}, {`\\nice\a`}, {`\\oslo\a`}}},
		{"by-cost", lyon, [][]string{{`\\lyon\a`}, {`\\paris\a`}, {`\\nice\a`}, {`\\oslo\a`}}},
		{"by-cost", nice, [][]string{{`\\nice\a`}, {`\\lyon\a`}, {`\\paris\a`}, {`\\oslo\a`}}},
		{"by-cost", oslo, [][]string{{`\\oslo\a`}, {`\\lyon\a`, `\\nice\a`, `\\paris\a`}}},
		{"by-cost", nowhere, [][]string{{`\\lyon\a`, `\\nice\a`, `\\oslo\a`, `\\paris\a`}}},
		{"by-address", paris, [][]string{{`\\10.99.11.200\a`}, {`\\10.99.12.200\a`}, {`\\10.99.13.200\a`}}},
		{"by-address", nice, [][]string{{`\\10.99.13.200\a`}, {`\\10.99.12.200\a`}, {`\\10.99.11.200\a`}}},
		{"by-priority", paris, [][]string{{`\\nice\first`}, {`\\paris\high`}, {`\\paris\normal`}, {`\\paris\low`}, {`\\lyon\high`}, {`\\lyon\last`}}},
		{"by-priority", nice, [][]string{{`\\nice\first`}, {`\\lyon\high`}, {`\\paris\high`}, {`\\paris\normal`}, {`\\paris\low`}, {`\\lyon\last`}}},
		{"by-rank", paris, [][]string{{`\\paris\zero`}, {`\\paris\one`}, {`\\paris\two`}, {`\\lyon\zero`}, {`\\lyon\thirty-one`}}},
		{"by-rank", lyon, [][]string{{`\\lyon\zero`}, {`\\lyon\thirty-one`}, {`\\paris\zero`}, {`\\paris\one`}, {`\\paris\two`}}},
		{"equals", paris, [][]string{{`\\paris\a`, `\\paris\b`, `\\paris\c`}, {`\\lyon\a`, `\\lyon\b`}}},
		{"equals", nice, [][]string{{`\\lyon\a`, `\\lyon\b`}, {`\\paris\a`, `\\paris\b`, `\\paris\c`}}},
		{"in-site", paris, [][]string{{`\\paris\a`}}},
		{"in-site", lyon, [][]string{{`\\lyon\a`}}},
		{"in-site", nice, nil},
		{"in-site", nowhere, nil},
		{"offline", paris, [][]string{{`\\paris\on`}, {`\\lyon\on`}}},
		{"offline", lyon, [][]string{{`\\lyon\on`}, {`\\paris\on`}}},
		{"closed", paris, nil},
	}
	answers := map[string]map[lab.Question]lab.Answer{} // by client
	for _, tt := range cases {
		if answers[tt.client] == nil {
			answers[tt.client] = askAll(l.Station(tt.client), d.Addr, orderQuestions(d.Addr))
		}
	}
	for _, tt := range cases {
		t.Run(tt.folder+"/"+tt.client, func(t *testing.T) {
			client := netip.MustParseAddr(tt.client)
			path := lab.UNC(d.Addr, "public", tt.folder)
			if got := sorted(d.Explain(path, client).Sets()); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("explain %s for %s = %q, want %q", path, client, got, tt.want)
			}
			wire := decode(t, answers[tt.client][orderQuestion(path, 4)])
			if got := sorted(wire.Sets()); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("referral of %s at level 4 for %s = %q, want %q", path, client, got, tt.want)
			}
			flat := decode(t, answers[tt.client][orderQuestion(path, 3)]).Targets()
			if got := sorted(regroup(flat, tt.want)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("referral of %s at level 3 for %s = %q, want the order of %q", path, client, flat, tt.want)
			}
		})
	}
}

// orderQuestions asks for every folder of orderYAML, with target sets and
// without.
func orderQuestions(host netip.Addr) []lab.Question {
	var questions []lab.Question
	for _, folder := range []string{"by-cost", "by-address", "by-priority", "by-rank", "equals", "in-site", "offline", "closed"} {
		for _, level := range []int{3, 4} {
			questions = append(questions, orderQuestion(lab.UNC(host, "public", folder), level))
		}
	}
	return questions
}

func orderQuestion(unc string, level int) lab.Question {
	return lab.Question{Dialect: "2.1", Path: unc[1:], Level: level}
}

// TestOrderAmongEqualsIsRandom: in forty answers each of three equal targets
// comes first at least once. A fair shuffle misses that once in three million
// runs: 3 · (2/3)^40.
func TestOrderAmongEqualsIsRandom(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := l.Dfsd(lab.DfsdSetup{Rest: orderYAML})
	var questions []lab.Question
	for range 40 {
		questions = append(questions, lab.Question{Dialect: "2.1", Path: lab.UNC(d.Addr, "public", "equals")[1:], Level: 3})
	}
	first := map[string]int{}
	for _, a := range l.Station("10.99.11.5").Ask(d.Addr, lab.Alice, questions...) {
		r, err := a.Referral()
		if err != nil || a.Status != 0 || len(r.Entries) == 0 {
			t.Fatalf("%s = status %#x, %v, %v", a, a.Status, r, err)
		}
		first[r.Targets()[0]]++
	}
	if len(first) != 3 {
		t.Errorf("first targets of 40 answers: %v, want each of the three in Paris", first)
	}
}

// TestSiteByName: FSCTL_DFS_GET_REFERRALS_EX carries the name of the client's
// site, which wins over its address.
func TestSiteByName(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := l.Dfsd(lab.DfsdSetup{Rest: orderYAML})
	nice := "nice"
	got := ask(t, l.Station("10.99.11.5"), d.Addr, lab.Question{
		Dialect: "3.0", Path: lab.UNC(d.Addr, "public", "by-cost")[1:], Level: 4, Site: &nice,
	}).Sets()
	want := [][]string{{`\\nice\a`}, {`\\lyon\a`}, {`\\paris\a`}, {`\\oslo\a`}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("referral for the site Nice = %q, want %q", got, want)
	}
}

// TestNearest: users in different sites open the same path and read different
// servers' files; over IPv6 as well.
func TestNearest(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	paris := fileServerAt(l, l.AddressIn(netip.MustParsePrefix("10.99.11.0/24")))
	nice := fileServerAt(l, l.AddressIn(netip.MustParsePrefix("10.99.13.0/24")))
	six := l.AddressIn(netip.MustParsePrefix("fd99::ff:0/112"))
	d := l.Dfsd(lab.DfsdSetup{
		Listen: []netip.Addr{six},
		Rest: sitesYAML + namespaceYAML([]lab.Folder{
			{Path: "projects", Targets: []string{lab.UNC(paris, "data"), lab.UNC(nice, "data")}},
		}),
	})
	l.Name("dfsd-six", six)
	for _, tt := range []struct {
		client string
		host   string
		want   netip.Addr
	}{
		{"10.99.11.5", d.Addr.String(), paris},
		{"10.99.12.5", d.Addr.String(), paris},
		{"10.99.13.5", d.Addr.String(), nice},
		{"fd99::11:5", "dfsd-six", nice},
	} {
		t.Run(tt.client, func(t *testing.T) {
			if a := netip.MustParseAddr(tt.client); a.Is6() {
				// The referral comes over IPv6; the targets have IPv4 addresses only.
				wire := ask(t, l.Station(tt.client), six, lab.Question{Dialect: "2.1", Path: `\dfsd-six\public\projects`, Level: 3})
				if got, want := wire.Targets()[0], lab.UNC(tt.want, "data"); got != want {
					t.Errorf("the first target for %s is %s, want %s", tt.client, got, want)
				}
				return
			}
			out := l.Station(tt.client).Smbclient(`\\`+tt.host+`\public`, lab.Alice, "cd projects; get where.txt -")
			if missing := lacks(out.Stdout, tt.want.String()); !out.OK() || missing != nil {
				t.Errorf("%s was not sent to %s:\n%s", tt.client, tt.want, out)
			}
		})
	}
}

// TestNoTargetLeft: a client for whom no target is left is told so, and the
// folder's neighbours are not harmed.
func TestNoTargetLeft(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := l.Dfsd(lab.DfsdSetup{Rest: orderYAML})
	for _, folder := range []string{"in-site", "closed"} {
		out := l.Station("10.99.13.5").Smbclient(lab.UNC(d.Addr, "public"), lab.Alice, "cd "+folder+"; ls; ls \\*")
		if missing := lacks(out.All(), "NT_STATUS_", "by-cost"); missing != nil {
			t.Errorf("%s: missing %q:\n%s", folder, missing, out)
		}
	}
	e := d.Explain(lab.UNC(d.Addr, "public", "offline"), netip.MustParseAddr("10.99.11.5"))
	var excluded []string
	for _, x := range e.Excluded {
		excluded = append(excluded, x.Path)
		if x.Reason == "" {
			t.Errorf("%s is excluded without a reason", x.Path)
		}
	}
	if want := []string{`\\lyon\off`, `\\paris\off`}; !slices.Equal(slices.Sorted(slices.Values(excluded)), want) {
		t.Errorf("excluded = %q, want %q", excluded, want)
	}
}

// ask puts one question, which must be answered by a well-formed referral.
func ask(t *testing.T, client *lab.Station, host netip.Addr, q lab.Question) lab.Referral {
	t.Helper()
	return decode(t, client.Ask(host, lab.Alice, q)[0])
}

// askAll puts questions and returns the answers by question.
func askAll(client *lab.Station, host netip.Addr, questions []lab.Question) map[lab.Question]lab.Answer {
	answers := map[lab.Question]lab.Answer{}
	for i, a := range client.Ask(host, lab.Alice, questions...) {
		answers[questions[i]] = a
	}
	return answers
}

// decode reads an answer that must be a well-formed referral.
func decode(t *testing.T, a lab.Answer) lab.Referral {
	t.Helper()
	r, err := a.Referral()
	if err != nil || a.Status != 0 {
		t.Fatalf("%s: status %#x, %v", a, a.Status, err)
	}
	return r
}

// sorted orders the members within each set, so that sets can be compared.
func sorted(sets [][]string) [][]string {
	for _, set := range sets {
		slices.Sort(set)
	}
	return sets
}

// regroup cuts a flat list into sets of the sizes of other sets; what is over
// makes one more.
func regroup(flat []string, like [][]string) [][]string {
	var sets [][]string
	for _, set := range like {
		n := min(len(set), len(flat))
		sets, flat = append(sets, slices.Clone(flat[:n])), flat[n:]
	}
	if len(flat) > 0 {
		sets = append(sets, flat)
	}
	return sets
}
