package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"gopkg.in/yaml.v3"
)

const (
	rulesFile     = "../../configs/prometheus/dfsd.rules.yaml"
	rulesCases    = "../../configs/prometheus/testdata/alerts.yaml"
	dashboardFile = "../../configs/grafana/dfsd.json"
	guideFile     = "../../docs/deploy.md"
	unitFolder    = "../../configs/systemd"
)

// series are the names that the daemon's sources give to metrics, and every
// other string that they hold: labels and their values are among those.
type series struct {
	metrics map[string]bool
	words   map[string]bool
}

var metricName = regexp.MustCompile(`^(dfsd|process)_[a-z0-9_]+$`)

func knownSeries(t *testing.T) series {
	t.Helper()
	known := series{metrics: map[string]bool{"up": true}, words: map[string]bool{}}
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if c, ok := n.(*ast.CompositeLit); ok && isSelector(c.Type, "prometheus", "HistogramOpts") {
				known.addHistogram(c)
			}
			if text, ok := stringOf(n); ok {
				known.words[text] = true
				if metricName.MatchString(text) {
					known.metrics[text] = true
				}
			}
			return true
		})
	}
	known.addProcess(t)
	if len(known.metrics) < 30 {
		t.Fatalf("only %d metrics found: the tests about them see nothing", len(known.metrics))
	}
	return known
}

// addHistogram adds what Prometheus makes of a histogram's name.
func (k series) addHistogram(c *ast.CompositeLit) {
	for _, e := range c.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, ok := pair.Key.(*ast.Ident); !ok || key.Name != "Name" {
			continue
		}
		if name, ok := stringOf(pair.Value); ok {
			for _, end := range []string{"_bucket", "_sum", "_count"} {
				k.metrics[name+end] = true
			}
		}
	}
}

// addProcess adds what the client library tells of the process itself.
func (k series) addProcess(t *testing.T) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		k.metrics[f.GetName()] = true
	}
}

func stringOf(n ast.Node) (string, bool) {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

var (
	exprSelector = regexp.MustCompile(`\b([a-z_][a-z0-9_]*)\s*\{([^}]*)\}`)
	exprMetric   = regexp.MustCompile(`\b(?:dfsd|process)_[a-z0-9_]+\b|\bup\b`)
	exprMatcher  = regexp.MustCompile(`([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
	exprGroup    = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
)

// givenLabels are those that Prometheus adds, not the daemon.
var givenLabels = []string{"job", "instance", "le"}

// faults says what in an expression does not fit what the daemon shows.
func (k series) faults(expr string) []string {
	var out []string
	if strings.Count(expr, "(") != strings.Count(expr, ")") {
		out = append(out, "the brackets do not close")
	}
	bare := exprMatcher.ReplaceAllString(expr, "")
	names := exprMetric.FindAllString(bare, -1)
	for _, m := range exprSelector.FindAllStringSubmatch(bare, -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		out = append(out, "no metric of ours")
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if !k.metrics[name] {
			out = append(out, "no such metric: "+name)
		}
	}
	for _, m := range exprMatcher.FindAllStringSubmatch(expr, -1) {
		out = append(out, k.labelFaults(m[1])...)
		if !slices.Contains(givenLabels, m[1]) {
			out = append(out, k.valueFaults(m[1], m[3])...)
		}
	}
	for _, m := range exprGroup.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(m[1], ",") {
			out = append(out, k.labelFaults(strings.TrimSpace(label))...)
		}
	}
	return out
}

func (k series) labelFaults(label string) []string {
	if slices.Contains(givenLabels, label) || k.words[label] {
		return nil
	}
	return []string{"no such label: " + label}
}

// valueFaults looks each alternative up among the strings of the sources.
func (k series) valueFaults(label, value string) []string {
	var out []string
	for choice := range strings.SplitSeq(value, "|") {
		pattern, err := regexp.Compile("^(?:" + choice + ")$")
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(k.words)), pattern.MatchString) {
			out = append(out, "no such value of "+label+": "+choice)
		}
	}
	return out
}

type alertRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// alertRules reads the rules as strictly as Prometheus does.
func alertRules(t *testing.T) []alertRule {
	t.Helper()
	text, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string      `yaml:"name"`
			Rules []alertRule `yaml:"rules"`
		} `yaml:"groups"`
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		t.Fatal(err)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Fatalf("%s holds a second document: %v", rulesFile, err)
	}
	var all []alertRule
	groups := map[string]bool{}
	for _, g := range file.Groups {
		if g.Name == "" || groups[g.Name] || len(g.Rules) == 0 {
			t.Errorf("group %q has no name, another's, or no rules", g.Name)
		}
		groups[g.Name] = true
		all = append(all, g.Rules...)
	}
	if len(all) < 15 {
		t.Fatalf("only %d alerts", len(all))
	}
	return all
}

// TestAlerts: every alert looks at something that the daemon shows, and leads
// whoever is woken by it to a chapter.
func TestAlerts(t *testing.T) {
	known, seen := knownSeries(t), map[string]bool{}
	for _, r := range alertRules(t) {
		if !regexp.MustCompile(`^Dfsd[A-Z][A-Za-z]+$`).MatchString(r.Alert) || seen[r.Alert] {
			t.Errorf("alert %q: want a name of its own that begins with Dfsd", r.Alert)
		}
		seen[r.Alert] = true
		for _, fault := range append(known.faults(r.Expr), r.faults(known)...) {
			t.Errorf("alert %s: %s", r.Alert, fault)
		}
		link, chapter, _ := strings.Cut(r.Annotations["runbook_url"], "#")
		if !slices.Contains(chapters(t, link), chapter) {
			t.Errorf("alert %s: %s has no chapter %q", r.Alert, link, chapter)
		}
	}
}

// TestAlertsHaveCases: each alert has a case in which it fires.
func TestAlertsHaveCases(t *testing.T) {
	text, err := os.ReadFile(rulesCases)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range alertRules(t) {
		if !strings.Contains(string(text), `alertname="`+r.Alert+`"`) {
			t.Errorf("%s has no case of %s", rulesCases, r.Alert)
		}
	}
}

// faults says what an alert lacks for whoever reads it.
func (r alertRule) faults(known series) []string {
	var out []string
	if !regexp.MustCompile(`^[0-9]+[smhd]$`).MatchString(r.For) {
		out = append(out, "for: want a time, such as 5m")
	}
	if s := r.Labels["severity"]; len(r.Labels) != 1 || s != "critical" && s != "warning" {
		out = append(out, "labels: want severity alone, critical or warning")
	}
	for _, key := range []string{"summary", "description", "runbook_url"} {
		if r.Annotations[key] == "" {
			out = append(out, "annotations: no "+key)
		}
	}
	by := strings.Join(exprGroup.FindStringSubmatch(r.Expr), " ")
	for _, m := range regexp.MustCompile(`\$labels\.([a-z_]+)`).FindAllStringSubmatch(r.Annotations["summary"]+r.Annotations["description"], -1) {
		if by == "" {
			out = append(out, known.labelFaults(m[1])...)
		} else if !strings.Contains(by, m[1]) {
			out = append(out, "the expression leaves no label "+m[1])
		}
	}
	return out
}

var heading = regexp.MustCompile(`(?m)^#+ (.+)$`)

// chapters returns the anchors of a Markdown file of this repository.
func chapters(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(path)))
	if err != nil {
		t.Error(err)
		return nil
	}
	var out []string
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		anchor := strings.ReplaceAll(strings.ToLower(m[1]), " ", "-")
		out = append(out, regexp.MustCompile(`[^a-z0-9_-]`).ReplaceAllString(anchor, ""))
	}
	return out
}

// TestSeriesSeesViolations: the check of expressions can fail.
func TestSeriesSeesViolations(t *testing.T) {
	known := knownSeries(t)
	for expr, want := range map[string]string{
		`max by (job) (dfsd_target_states{state="down"}) > 0`: "",
		`dfsd_target_state{state="down"} > 0`:                 "no such metric: dfsd_target_state",
		`dfsd_target_states{state="dwn"} > 0`:                 "no such value of state: dwn",
		`dfsd_target_states{condition_="down"} > 0`:           "no such label: condition_",
		`sum by (namespce) (dfsd_target_states)`:              "no such label: namespce",
		`rate(dfsd_smb_sessions_bucket[5m])`:                  "no such metric: dfsd_smb_sessions_bucket",
		`node_load1{job="dfsd"} > 1`:                          "no such metric: node_load1",
		`sum(dfsd_sites`:                                      "the brackets do not close",
		`vector(1)`:                                           "no metric of ours",
	} {
		if got := strings.Join(known.faults(expr), "; "); got != want {
			t.Errorf("faults(%s) = %q, want %q", expr, got, want)
		}
	}
}

// TestAlertsForPrometheus has Prometheus itself read the rules, where it is,
// and play the cases in which each has to fire.
func TestAlertsForPrometheus(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian package prometheus)")
	}
	for _, args := range [][]string{{"check", "rules", rulesFile}, {"test", "rules", rulesCases}} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

type panel struct {
	ID          int    `json:"id"`
	Type        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Datasource  struct {
		UID string `json:"uid"`
	} `json:"datasource"`
	GridPos struct{ H, W, X, Y int } `json:"gridPos"`
	Targets []struct {
		RefID string `json:"refId"`
		Expr  string `json:"expr"`
	} `json:"targets"`
}

type dashboard struct {
	UID           string  `json:"uid"`
	Title         string  `json:"title"`
	SchemaVersion int     `json:"schemaVersion"`
	Panels        []panel `json:"panels"`
	Templating    struct {
		List []struct {
			Name       string `json:"name"`
			Type       string `json:"type"`
			Definition string `json:"definition"`
		} `json:"list"`
	} `json:"templating"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.Title == "" || d.SchemaVersion != 39 || len(d.Panels) < 20 {
		t.Fatalf("dashboard %q %q of schema %d has %d panels", d.UID, d.Title, d.SchemaVersion, len(d.Panels))
	}
	return d
}

// TestDashboard: every graph shows something that the daemon tells, and says
// what it means.
func TestDashboard(t *testing.T) {
	d, known := readDashboard(t), knownSeries(t)
	variables := map[string]bool{"__rate_interval": true}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
		if v.Type == "query" && len(known.faults(v.Definition)) > 0 {
			t.Errorf("variable %s: %v", v.Name, known.faults(v.Definition))
		}
	}
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q: no number, another's, or no title", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("panel %q: no description, nothing to show, or a data source of its own", p.Title)
		}
		for _, q := range p.Targets {
			for _, fault := range known.faults(q.Expr) {
				t.Errorf("panel %q: %s", p.Title, fault)
			}
			for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(q.Expr, -1) {
				if !variables[m[1]] {
					t.Errorf("panel %q: no variable $%s", p.Title, m[1])
				}
			}
		}
	}
}

// TestDashboardFits: no panel lies over another or beside the grid.
func TestDashboardFits(t *testing.T) {
	taken := map[[2]int]string{}
	for _, p := range readDashboard(t).Panels {
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("panel %q stands beside the grid: %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok {
					t.Fatalf("panel %q lies over %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// unit is a systemd unit: the values of each key in their order.
type unit map[string][]string

func readUnit(t *testing.T, name string) unit {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(unitFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	u := unit{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "[") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Fatalf("%s: %q is no setting", name, line)
		}
		u[key] = append(u[key], value)
	}
	return u
}

// holds tells whether a list such as CapabilityBoundingSet has a word.
func (u unit) holds(key, word string) bool {
	return slices.ContainsFunc(u[key], func(v string) bool { return slices.Contains(strings.Fields(v), word) })
}

// TestUnitsGiveWhatTheCodeNeeds: a system call that the code makes has its
// capability in the unit of the members, and none is given for a call that is
// not made any more.
func TestUnitsGiveWhatTheCodeNeeds(t *testing.T) {
	product := ""
	for _, s := range sources(t) {
		if !s.isTest() && (strings.HasPrefix(s.path, "replication/") || strings.HasPrefix(s.path, "internal/fsx/")) {
			product += string(s.text)
		}
	}
	member, needed := readUnit(t, "dfsd.service"), map[string]bool{"CAP_DAC_OVERRIDE": true, "CAP_NET_BIND_SERVICE": true}
	for _, need := range []struct{ call, capability, filter string }{
		{"unix.FanotifyInit(", "CAP_SYS_ADMIN", "fanotify_init"},
		{"unix.FanotifyMark(", "CAP_SYS_ADMIN", "fanotify_mark"},
		{"unix.OpenByHandleAt(", "CAP_DAC_READ_SEARCH", "open_by_handle_at"},
		{"unix.Fchownat(", "CAP_CHOWN", ""},
		{"unix.UtimesNanoAt(", "CAP_FOWNER", ""},
		{"unix.Fchmod(", "CAP_FSETID", ""},
		{"unix.F_SETLEASE", "CAP_LEASE", ""},
	} {
		if !strings.Contains(product, need.call) {
			t.Errorf("nothing calls %s any more: take %s out of dfsd.service", need.call, need.capability)
		}
		if !member.holds("CapabilityBoundingSet", need.capability) || need.filter != "" && !member.holds("SystemCallFilter", need.filter) {
			t.Errorf("dfsd.service does not let dfsd do %s: %s %s", need.call, need.capability, need.filter)
		}
		needed[need.capability] = true
	}
	for _, v := range member["CapabilityBoundingSet"] {
		if v != "" && !needed[v] {
			t.Errorf("dfsd.service gives %s, which nothing needs", v)
		}
	}
	if strings.Contains(product, "unix.Openat2(") && member["RestrictSUIDSGID"] != nil {
		t.Error("dfsd.service: RestrictSUIDSGID takes openat2 away")
	}
}

// TestUnitsAgree: both are started and reloaded alike, and no unit promises
// what the daemon does not do.
func TestUnitsAgree(t *testing.T) {
	member, referral := readUnit(t, "dfsd.service"), readUnit(t, "dfsd-referral.service")
	for _, key := range []string{
		"Type", "ExecStart", "ExecReload", "Restart", "RestartPreventExitStatus", "StateDirectory", "RuntimeDirectory", "NoNewPrivileges", "ProtectSystem", "UMask",
	} {
		if len(member[key]) != 1 || !slices.Equal(member[key], referral[key]) {
			t.Errorf("%s differs: %q and %q", key, member[key], referral[key])
		}
	}
	if got := referral["CapabilityBoundingSet"]; !slices.Equal(got, []string{"CAP_NET_BIND_SERVICE"}) || !slices.Equal(referral["User"], []string{"dfsd"}) {
		t.Errorf("dfsd-referral.service runs as %q with %q", referral["User"], got)
	}
	drop := readUnit(t, "dfsd.service.d/folders.conf")
	for i, path := range drop["ReadWritePaths"] {
		folder, optional := strings.CutPrefix(path, "-/")
		if disk := strings.ReplaceAll(folder, "/", "-") + ".mount"; !optional || len(drop["After"]) <= i || drop["After"][i] != disk {
			t.Errorf("folders.conf lets write %q and starts after %q", path, drop["After"])
		}
	}
	beats := slices.ContainsFunc(sources(t), func(s source) bool { return !s.isTest() && strings.Contains(string(s.text), "WATCHDOG=1") })
	if !beats && (member["WatchdogSec"] != nil || referral["WatchdogSec"] != nil) {
		t.Error("WatchdogSec is set, and nothing sends WATCHDOG=1")
	}
}

// TestUnitsForSystemd has systemd itself read the units and judge them.
func TestUnitsForSystemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed (Debian package systemd)")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"dfsd.service", "dfsd-referral.service", "dfsd.service.d/folders.conf"} {
		text, err := os.ReadFile(filepath.Join(unitFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		// The program has to be there; any will do.
		copied := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(copied), 0o755), os.WriteFile(copied, bytes.ReplaceAll(text, []byte("/usr/bin/dfsd"), []byte(self)), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for name, exposure := range map[string]string{"dfsd.service": "30", "dfsd-referral.service": "18"} {
		path := filepath.Join(dir, name)
		// A key that it does not know is told, and is no failure to it.
		if said := runAnalyze(t, analyze, "verify", "--man=no", path); strings.Contains(said, dir) || strings.Contains(said, name) {
			t.Errorf("systemd-analyze verify %s:\n%s", name, said)
		}
		runAnalyze(t, analyze, "security", "--offline=true", "--no-pager", "--threshold="+exposure, path)
	}
}

func runAnalyze(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

var (
	codeSpan    = regexp.MustCompile("(?s)```console\n(.*?)```|`([^`\n]+)`")
	dfsdCommand = regexp.MustCompile(`\bdfsd ([a-z]+)(?: ([a-z]+))?((?: [^|#&;\n]*)?)`)
	flagUse     = regexp.MustCompile(`(?:^| )--([a-z][a-z-]+)`)
	mention     = regexp.MustCompile(`DFSD-[A-Z]+-[0-9]{4}`)
	fileLink    = regexp.MustCompile(`\]\(([^)#:]+)(?:#([^)]*))?\)`)
)

// TestGuide: what the guide, the rules, the units and the dashboard tell
// administrators to type exists, and so do the chapters that they name.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile(guideFile)
	if err != nil {
		t.Fatal(err)
	}
	verbs := commandWords(t)
	typed := 0
	for _, m := range codeSpan.FindAllStringSubmatch(string(guide), -1) {
		for _, c := range dfsdCommand.FindAllStringSubmatch(m[1]+m[2], -1) {
			typed++
			checkCommand(t, verbs, c)
		}
	}
	if typed < 20 {
		t.Errorf("only %d commands found in %s", typed, guideFile)
	}
	events := chapters(t, "docs/events.md")
	for _, id := range mention.FindAllString(string(guide), -1) {
		if !slices.Contains(events, strings.ToLower(id)) {
			t.Errorf("no such event: %s", id)
		}
	}
	for _, m := range fileLink.FindAllStringSubmatch(string(guide), -1) {
		path := filepath.ToSlash(filepath.Join("docs", m[1]))
		if _, err := os.Stat(filepath.Join("../..", path)); err != nil {
			t.Errorf("%s leads nowhere: %v", m[1], err)
		} else if m[2] != "" && !slices.Contains(chapters(t, path), m[2]) {
			t.Errorf("%s has no chapter %q", m[1], m[2])
		}
	}
}

// commandWords are the first words of the Use lines of all commands, and all
// names that flags may have.
func commandWords(t *testing.T) map[string]bool {
	t.Helper()
	words := map[string]bool{"completion": true, "help": true, "--help": true}
	for _, s := range sources(t) {
		if s.room() != "cmd/dfsd" || s.isTest() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if text, ok := stringOf(n); ok {
				words["--"+text] = true
			}
			if pair, ok := n.(*ast.KeyValueExpr); ok {
				if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Use" {
					if use, ok := stringOf(pair.Value); ok {
						word, _, _ := strings.Cut(use, " ")
						words[word] = true
					}
				}
			}
			return true
		})
	}
	if len(words) < 40 {
		t.Fatalf("only %d commands and flags found", len(words))
	}
	return words
}

func checkCommand(t *testing.T, words map[string]bool, c []string) {
	t.Helper()
	nouns := []string{"config", "identity", "namespace", "preserved", "referral", "replication", "report", "site", "target", "user"}
	if !words[c[1]] || c[2] != "" && slices.Contains(nouns, c[1]) && !words[c[2]] {
		t.Errorf("no such command: %s", c[0])
	}
	for _, f := range flagUse.FindAllStringSubmatch(c[3], -1) {
		if !words["--"+f[1]] {
			t.Errorf("no such flag --%s: %s", f[1], c[0])
		}
	}
}
