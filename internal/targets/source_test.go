package targets

import (
	"fmt"
	"testing"
	"time"

	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/replication/status"
)

// TestFewLively: among many targets that nothing is known of, those that
// replicate follow what members say, and a decision about any other counts.
func TestFewLively(t *testing.T) {
	projects := namespace.FolderConfig{
		Path: "projects", TTL: time.Minute, Replicates: "branch/projects",
		Targets: []namespace.TargetConfig{{Path: `\\fs1\projects`}, {Path: `\\fs2\projects`}},
	}
	folders := []namespace.FolderConfig{projects}
	for i := range 100 {
		folders = append(folders, namespace.FolderConfig{
			Path: fmt.Sprintf("plain%d", i), TTL: time.Minute, Targets: []namespace.TargetConfig{{Path: namespace.UNC(fmt.Sprintf(`\\fs1\plain%d`, i))}, {Path: `\\fs3\plain`}},
		})
	}
	ns, err := namespace.New([]namespace.Config{{Name: "public", TTL: time.Minute, Folders: folders}})
	if err != nil {
		t.Fatal(err)
	}
	r, now := &fakeReplicas{}, time.Now()
	k := keeper(t, t.TempDir(), ns, r)
	if s := k.current(); len(s.lively) != 2 || s.many {
		t.Fatalf("%d lively targets, many %v", len(s.lively), s.many)
	}
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2", BacklogFiles: 1})
	r.say("fs2", now, status.InitialSync, status.Connection{To: "fs1"})
	k.turn(now)
	if got := states(t, k); got != "up lagging" {
		t.Errorf("states %s", got)
	}
	plain := ns.Match(`\x\public\plain7`).Link
	request := Request{Path: `\\x\public\plain7`, Target: "fs1"}
	if _, err := k.Offline(request, now); err != nil {
		t.Fatal(err)
	}
	if got := k.State(plain.Target(0)).State; got != referral.Offline {
		t.Errorf("a target taken offline is %v", got)
	}
	if _, err := k.Online(request); err != nil {
		t.Fatal(err)
	}
	if got := k.State(plain.Target(0)).State; got != referral.Up {
		t.Errorf("a target brought online is %v", got)
	}
	if got := states(t, k); got != "up lagging" {
		t.Errorf("states %s", got)
	}
}
