//go:build integration

package lab

import (
	"net/netip"
	"strings"
)

// Torture runs suites of smbtorture on a share, one process each so that a
// broken one does not hide the next, and returns what each test said: "success",
// "failure", "error" or "skip", by "SUITE TEST". A suite that told of no test
// is itself an "error".
func (s *Station) Torture(host netip.Addr, share string, as Account, suites ...string) (verdicts map[string]string, log string) {
	s.lab.t.Helper()
	verdicts = map[string]string{}
	var b strings.Builder
	for _, suite := range suites {
		out := s.Run("smbtorture", "--configfile="+clientConfig, "-U", as.Login(), "--timelimit=1", "--maximum-runtime=60",
			"//"+host.String()+"/"+share, suite)
		b.WriteString(out.String())
		found := tortureVerdicts(suite, out.Stdout)
		if len(found) == 0 {
			found = map[string]string{suite: "error"}
		}
		for name, verdict := range found {
			verdicts[name] = verdict
		}
	}
	return verdicts, b.String()
}

// tortureVerdicts reads smbtorture's own output format. Names contain spaces.
func tortureVerdicts(suite, output string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(output) {
		verdict, name, ok := strings.Cut(strings.TrimSpace(line), ": ")
		switch verdict {
		case "success", "failure", "error", "skip":
			if ok {
				found[suite+" "+strings.TrimSuffix(name, " [")] = verdict
			}
		}
	}
	return found
}
