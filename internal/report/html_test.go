package report

import (
	"bytes"
	"errors"
	"flag"
	"html"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func pageOf(t testing.TB, f *Facts, now time.Time) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, f, Judge(f, now), now); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	var text bytes.Buffer
	f := troubledFacts()
	if err := Judge(f, noon).Text(&text); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"troubled.html": pageOf(t, f, noon.Add(2*time.Second)), "troubled.txt": text.String()} {
		file := filepath.Join("testdata", name)
		if *rewrite {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i := range max(len(gotLines), len(wantLines)) {
			if i >= len(gotLines) || i >= len(wantLines) || gotLines[i] != wantLines[i] {
				t.Errorf("%s differs from line %d on; look at the difference, then run with -rewrite", file, i+1)
				break
			}
		}
	}
}

var (
	tag       = regexp.MustCompile(`<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*)\s*>|<`)
	attribute = regexp.MustCompile(`([a-zA-Z-]+)(?:="([^"]*)")?`)
	inside    = map[string][]string{ // where an element may stand
		"caption": {"table"}, "thead": {"table"}, "tbody": {"table"}, "tr": {"thead", "tbody"}, "th": {"tr"}, "td": {"tr"},
		"li": {"ul"}, "dt": {"div"}, "dd": {"div"}, "summary": {"details"},
	}
)

// checkPage holds for every page: well nested, nothing that runs or fetches,
// every table with a caption and every heading cell with a scope.
func checkPage(t *testing.T, page string) {
	t.Helper()
	before, rest, _ := strings.Cut(page, "<style>")
	_, after, found := strings.Cut(rest, "</style>")
	if !found || !strings.HasPrefix(page, "<!DOCTYPE html>\n") {
		t.Fatal("the page has no style, or does not begin as one")
	}
	var open []string
	ids, refs, captions, tables := map[string]bool{}, map[string]bool{}, 0, 0
	for _, m := range tag.FindAllStringSubmatch(strings.TrimPrefix(before, "<!DOCTYPE html>")+after, -1) {
		closing, name := m[1] != "", m[2]
		if closing {
			if len(open) == 0 || open[len(open)-1] != name {
				t.Fatalf("</%s> closes %v", name, open)
			}
			open = open[:len(open)-1]
			continue
		}
		checkElement(t, name, m[0], open)
		switch name {
		case "table":
			tables++
		case "caption":
			captions++
		}
		for _, a := range attribute.FindAllStringSubmatch(m[3], -1) {
			switch a[1] {
			case "id":
				if ids[a[2]] {
					t.Errorf("the id %s stands twice", a[2])
				}
				ids[a[2]] = true
			case "href", "aria-labelledby":
				refs[strings.TrimPrefix(a[2], "#")] = true
			}
			if strings.HasPrefix(strings.ToLower(a[1]), "on") || a[1] == "style" || a[1] == "src" {
				t.Errorf("attribute %s in %s", a[0], m[0])
			}
		}
		if name != "meta" && name != "br" {
			open = append(open, name)
		}
	}
	if len(open) > 0 || tables != captions {
		t.Errorf("%v stay open; %d tables, %d captions", open, tables, captions)
	}
	for ref := range refs {
		if !ids[ref] {
			t.Errorf("#%s leads nowhere", ref)
		}
	}
}

var known = regexp.MustCompile(`^(html|head|meta|title|style|body|a|header|nav|main|footer|section|h[123]|p|b|small|span|bdi|br|code|ul|li|dl|dt|dd|div|details|summary|table|caption|thead|tbody|tr|th|td)$`)

func checkElement(t *testing.T, name, text string, open []string) {
	t.Helper()
	if !known.MatchString(name) {
		t.Errorf("element %q in %q", name, text)
	}
	if name == "th" && !strings.Contains(text, ` scope="`) {
		t.Errorf("%s without a scope", text)
	}
	parents, bound := inside[name]
	for _, p := range parents {
		bound = bound && (len(open) == 0 || open[len(open)-1] != p)
	}
	if bound {
		t.Errorf("<%s> inside %v", name, open)
	}
}

func TestPagesAreWellFormed(t *testing.T) {
	for name, f := range map[string]*Facts{"empty": {}, "well": wellFacts(), "troubled": troubledFacts(), "large": largeFacts(100)} {
		t.Run(name, func(t *testing.T) {
			page := pageOf(t, f, noon)
			checkPage(t, page)
			for _, want := range []string{
				`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
				"prefers-color-scheme:dark", "@media print", "ZgotmplZ",
			} {
				if strings.Contains(page, want) != (want != "ZgotmplZ") {
					t.Errorf("%q stands in the page: %v", want, strings.Contains(page, want))
				}
			}
		})
	}
}

const hostile = "</td><img src=x onerror=alert(1)>'\"`{{.}}\\\u202egpj.exe\u2066\u0000\x1b[2J\xff\r\n\t--><script>"

// poison puts the hostile text in every string that v holds.
func poison(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostile)
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			poison(v.Field(i))
		}
	}
}

// Names come from any client: none of them is obeyed, by a browser or by a
// terminal.
func TestHostileNames(t *testing.T) {
	f := troubledFacts()
	poison(reflect.ValueOf(f).Elem())
	page := pageOf(t, f, noon)
	checkPage(t, page)
	for _, bad := range []string{"<img", "<script", "\u202e", "\u2066", "\x00", "\x1b", "\xff", "\r", "\t"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if n := strings.Count(html.UnescapeString(page), "⟨U+202E⟩gpj.exe"); n < 50 {
		t.Errorf("the hostile text is shown %d times only", n)
	}
	var text bytes.Buffer
	if err := Judge(f, noon).Text(&text); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"\u202e", "\u2066", "\x00", "\x1b", "\xff", "\r", "\t"} {
		if strings.Contains(text.String(), bad) {
			t.Errorf("the text holds %q", bad)
		}
	}
	for _, line := range strings.Split(text.String(), "\n") {
		if strings.HasPrefix(line, "-->") || strings.HasPrefix(line, "\t") {
			t.Errorf("a name begins a line of its own: %q", line)
		}
	}
}

// What is only long, or written from right to left, stays as it is.
func TestHonestNames(t *testing.T) {
	for _, name := range []string{strings.Repeat("👩‍👩‍👧‍👦", 255), "مشاريع", "פרויקטים 2026", "ﷺ", "Ünïcode ß", "a & b < c"} {
		f := wellFacts()
		f.Namespaces[0].Folders[0].Path = name
		if page := pageOf(t, f, noon); !strings.Contains(page, "<bdi>"+html.EscapeString(name)+"</bdi>") {
			t.Errorf("%q is not shown as it is", name)
		}
	}
}

func TestPageOfTenThousandTargets(t *testing.T) {
	if n := len(pageOf(t, largeFacts(10000), noon)); n > 10<<20 {
		t.Errorf("the page has %d bytes, more than 10 MiB", n)
	}
}

// Every target, folder, member and decision can be found on the page,
// troubled or not.
func TestNothingIsLeftOut(t *testing.T) {
	f := largeFacts(2000)
	for i := range f.Namespaces[0].Folders { // more findings than are shown unfolded
		target(f, i, 0).Host = "h" + strconv.Itoa(i)
		target(f, i, 0).State = TargetDown
	}
	text := html.UnescapeString(pageOf(t, f, noon))
	for _, folder := range f.Namespaces[0].Folders {
		for _, want := range []string{folder.Path, folder.Targets[0].Path, folder.Targets[1].Path} {
			if !strings.Contains(text, "<bdi>"+want+"</bdi>") {
				t.Fatalf("%s is not on the page", want)
			}
		}
	}
	for _, s := range Judge(f, noon).Findings {
		if !strings.Contains(text, "<bdi>"+s.Subject+"</bdi></th><td><bdi>"+s.Summary+"</bdi>") {
			t.Fatalf("the finding %+v is not on the page", s)
		}
	}
}

// Clients that sites.default gave a site stand apart from those without one.
func TestClientsInNoSubnet(t *testing.T) {
	f := wellFacts()
	f.Clients.ByDefault, f.Clients.DefaultSite = 2000, "H<Q"
	f.Clients.Sample = []Unmapped{{Network: "10.9.3.0/24", Count: 3}}
	f.Clients.DefaultSample = []Unmapped{{Network: "10.9.4.0/24", Count: 2000}}
	page := pageOf(t, f, noon)
	checkPage(t, page)
	for _, want := range []string{
		`Of them to clients in no known site</th><td><bdi>3 (less than 0.1 %)</bdi>`,
		`Of them to clients that are in no subnet and are taken to be at H&lt;Q by sites.default</th><td><bdi>2,000 (17 %)</bdi>`,
		`<bdi>10.9.3.0/24</bdi></th><td><bdi>no site</bdi></td><td class="n">3</td>`,
		`<bdi>10.9.4.0/24</bdi></th><td><bdi>H&lt;Q by sites.default</bdi></td><td class="n">2,000</td>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestMatrixHasATableTwin(t *testing.T) {
	f := troubledFacts()
	page := pageOf(t, f, noon)
	if !strings.Contains(page, "From \\ to") || !strings.Contains(page, "1,412 files, 3 GiB, oldest 14 min") {
		t.Error("no matrix, or not with the backlog and its age")
	}
	if !strings.Contains(page, `<td class="n">1,412 files</td><td class="n">3 GiB</td><td class="n">14 min</td>`) {
		t.Error("the backlog is not in the table of connections")
	}
	for i := range 12 {
		f.Members = append(f.Members, MemberFacts{Host: "m" + strconv.Itoa(i)})
	}
	if strings.Contains(pageOf(t, f, noon), "From \\ to") {
		t.Error("a matrix of 15 members")
	}
}

// The colours of text stand out against both backgrounds, WCAG 2.2 AA.
func TestContrast(t *testing.T) {
	css, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`--([a-z]+):#([0-9a-f]{6})`)
	schemes := regexp.MustCompile(`:root\{[^}]*\}`).FindAllString(string(css), -1)
	if len(schemes) != 3 {
		t.Fatalf("%d colour schemes, want light, dark and print", len(schemes))
	}
	for _, scheme := range schemes {
		light := map[string]float64{}
		for _, m := range variable.FindAllStringSubmatch(scheme, -1) {
			light[m[1]] = luminance(t, m[2])
		}
		for _, text := range []string{"text", "muted", "link", "ok", "notice", "degraded", "failed"} {
			for _, ground := range []string{"bg", "panel"} {
				a, b := light[text], light[ground]
				if c := (max(a, b) + 0.05) / (min(a, b) + 0.05); c < 4.5 {
					t.Errorf("--%s on --%s has a contrast of %.2f, less than 4.5: %s", text, ground, c, scheme)
				}
			}
		}
	}
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
		c := float64(n>>(8*i)&0xff) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// failing takes so many bytes and then fails.
type failing int

func (f *failing) Write(p []byte) (int, error) {
	if n := int(*f); n < len(p) {
		return n, os.ErrClosed
	}
	*f -= failing(len(p))
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	s := Judge(wellFacts(), noon)
	var w failing
	if err := HTML(&w, wellFacts(), s, noon); !errors.Is(err, os.ErrClosed) {
		t.Errorf("HTML = %v, want %v", err, os.ErrClosed)
	}
	if err := s.Text(&w); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Text = %v, want %v", err, os.ErrClosed)
	}
}

func BenchmarkHTML10kTargets(b *testing.B) {
	down := largeFacts(10000)
	for i := range down.Namespaces[0].Folders {
		for k := range 2 {
			target(down, i, k).State, target(down, i, k).ProbeError = TargetDown, downText
		}
	}
	for name, f := range map[string]*Facts{"well": largeFacts(10000), "down": down} {
		b.Run(name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				size = len(pageOf(b, f, noon))
			}
			b.ReportMetric(float64(size), "B/page")
		})
	}
}
