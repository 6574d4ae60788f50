package report

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"dfsd/configs"
	"dfsd/referral"
	"dfsd/referral/health"
	"dfsd/referral/targetstate"
	"dfsd/replication/install"
)

// TestTextsAreReal: what the fixtures quote is what the parts that say it say, so
// that the page of the documentation shows no text that nobody will ever see.
func TestTextsAreReal(t *testing.T) {
	file := "version: 1" + strings.Repeat("\n", 35) + "namespaces:\n  - name: public\n    folders:\n      - path: tools\n        comment: Tools\n        targts: []\n"
	_, refused := configs.Parse("/etc/dfsd/dfsd.yaml", []byte(file))
	timeout := &health.Failure{Stage: health.StageDial, Err: fmt.Errorf("10.1.0.7:445: %w", os.ErrDeadlineExceeded)}
	lagging := targetstate.Judge(targetstate.Inputs{
		Replicated: true, MaxLag: 2 * time.Minute, Started: before(time.Hour),
		Words: []targetstate.Word{{By: fs1, Connected: true, Files: 1412, Oldest: 14 * time.Minute}},
	}, noon)
	drained := targetstate.Judge(targetstate.Inputs{Decision: &targetstate.Decision{
		Kind: targetstate.Drained, By: "root", Reason: "new disks", At: before(time.Hour), TakenOut: before(time.Hour),
	}}, noon)
	halted := &install.RootError{Path: "/srv/archive", Reason: install.ErrRootEmpty}
	why, _, _ := strings.Cut(haltedText, " (") // the next step stands behind it
	for name, tt := range map[string]struct{ got, want string }{
		"refused":       {refused.Error(), refusedText},
		"down":          {timeout.Error(), downText},
		"lagging":       {lagging.State.String() + ": " + lagging.Reason, TargetLagging + ": " + laggingText},
		"drained":       {drained.State.String() + ": " + drained.Reason, TargetDrained + ": " + drainedText},
		"drain's phase": {targetstate.WaitForLast.String(), troubledFacts().Decisions[0].Phase},
		"drain waits":   {waiting(), waitingText},
		"halted":        {halted.Error(), why},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: the program says %q, the fixture %q", name, tt.got, tt.want)
		}
	}
}

// waiting is what the drain of the fixture waits for.
func waiting() string {
	plan := targetstate.Drain(
		targetstate.Decision{Kind: targetstate.Drained, At: before(time.Hour), TakenOut: before(time.Hour)},
		targetstate.DrainFacts{Now: noon, Folders: []targetstate.DrainFolder{{
			Path: targetstate.FolderPath("public", "archive"), Replicated: true, Doubt: strings.SplitN(waitingText, ", ", 2)[1],
			Others: []targetstate.DrainTarget{{Path: `\\` + fs2 + `\archive`, State: referral.Up}},
		}}},
	)
	return strings.Join(plan.WaitingFor, "|")
}
