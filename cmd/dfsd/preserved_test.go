package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"dfsd/replication/status"
)

func TestPreservedList(t *testing.T) {
	when := time.Date(2026, 11, 20, 9, 30, 0, 0, time.Local)
	fake := &oneReplicas{preserved: []status.PreservedFile{
		{Group: "branch", Folder: "projects", ID: "8", When: when.Add(time.Hour), Why: "deleted", Path: "old", Kind: "directory"},
		{Group: "branch", Folder: "projects", ID: "7", When: when, Why: "conflict", By: "fs2", Path: "plans/" + hostileName, Size: 1536, Kind: "file"},
	}}
	socket := serveReplicas(t, fake)
	code, out, talk := dfsd(t, "preserved", "list", "branch/projects", "--socket", socket)
	want := `ID  WHEN                 WHY       BY   SIZE     FOLDER           PATH
7   2026-11-20 09:30:00  conflict  fs2  1.5 KiB  branch/projects  "plans/plan\x1b[2J\nfs9 ok\t\u202e.odt"
8   2026-11-20 10:30:00  deleted   -    0 B      branch/projects  old (directory)
`
	if code != exitFine || out != want || talk != "" || !reflect.DeepEqual(fake.asked, []string{"preserved branch/projects"}) {
		t.Errorf("list = %d, asked %q\n%s%s, want\n%s", code, fake.asked, out, talk, want)
	}
	_, out, _ = dfsd(t, "preserved", "list", "--path", "*.odt", "-o", "json", "--socket", socket)
	var files []status.PreservedFile
	if err := json.Unmarshal([]byte(out), &files); err != nil || len(files) != 1 || files[0].ID != "7" || files[0].Path != fake.preserved[1].Path {
		t.Errorf("list -o json = %+v, %v", files, err)
	}
	if _, out, _ = dfsd(t, "preserved", "list", "--path", "none", "--socket", socket); out != "nothing preserved\n" {
		t.Errorf("list of nothing = %q", out)
	}
	if _, out, _ = dfsd(t, "preserved", "list", "--path", "none", "-o", "json", "--socket", socket); out != "[]\n" {
		t.Errorf("list -o json of nothing = %q", out)
	}
	code, out, _ = dfsd(t, "__complete", "preserved", "restore", "--socket", socket, "")
	if code != exitFine || !strings.Contains(out, "8\told\n") || strings.Contains(out, "\x1b") {
		t.Errorf("completion = %d, %q", code, out)
	}
}

func TestPreservedSince(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	all := []status.PreservedFile{{ID: "new", When: now}, {ID: "edge", When: now.Add(-time.Hour)}, {ID: "old", When: now.Add(-time.Hour - 1)}}
	if got := choosePreserved(append([]status.PreservedFile{}, all...), "", time.Hour, now); len(got) != 2 || got[0].ID != "edge" || got[1].ID != "new" {
		t.Errorf("of the last hour: %+v", got)
	}
	if got := choosePreserved(append([]status.PreservedFile{}, all...), "", 0, now); len(got) != 3 {
		t.Errorf("of all time: %+v", got)
	}
}

func TestGlobMatches(t *testing.T) {
	for _, tt := range []struct {
		glob, path string
		want       bool
	}{
		{"*.odt", "a/b/plan.odt", true},
		{"*.odt", "a/plan.ods", false},
		{"plans", "a/plans/x", true},
		{"plan", "a/plans/x", false},
		{"a/*", "a/b/c", true},
		{"a/*/c", "a/b/c", true},
		{"a/b", "x/a/b", false},
		{"/a/b/", "a/b/c", true},
		{"[ab].txt", "b.txt", true},
		{`\*`, "*", true},
		{`\*`, "x", false},
	} {
		if got := globMatches(tt.glob, tt.path); got != tt.want {
			t.Errorf("globMatches(%q, %q) = %v, want %v", tt.glob, tt.path, got, tt.want)
		}
	}
}

func TestPreservedRestore(t *testing.T) {
	fake := &oneReplicas{preserved: []status.PreservedFile{{Group: "branch", Folder: "projects", ID: "7"}, {Group: "a", Folder: "b", ID: "8"}, {Group: "c", Folder: "d", ID: "8"}}}
	socket := serveReplicas(t, fake)
	code, out, talk := dfsd(t, "preserved", "restore", "7", "--socket", socket)
	if code != exitFine || out != `"/srv/projects/plan\x1b[2J\nfs9 ok\t\u202e.odt"`+"\n" || talk != "" {
		t.Errorf("restore = %d, %q, %q", code, out, talk)
	}
	if want := []string{"preserved ", "restore branch/projects 7 "}; !reflect.DeepEqual(fake.asked, want) {
		t.Errorf("asked %q, want %q", fake.asked, want)
	}
	code, _, talk = dfsd(t, "preserved", "restore", "8", "--socket", socket)
	if code != exitUsage || !strings.Contains(talk, "a/b and c/d") || !strings.Contains(talk, "--folder") {
		t.Errorf("restore of an ambiguous id = %d, %q", code, talk)
	}
	code, out, _ = dfsd(t, "preserved", "restore", "8", "--folder", "c/d", "--to", "x/y", "-o", "json", "--socket", socket)
	if code != exitFine || !strings.Contains(out, `"folder": "c/d"`) || fake.asked[len(fake.asked)-1] != "restore c/d 8 x/y" {
		t.Errorf("restore to = %d, %q, asked %q", code, out, fake.asked)
	}
	fake.preserved = append(fake.preserved, status.PreservedFile{Group: "branch", Folder: "projects", ID: "000000000000004f"})
	for _, args := range [][]string{{"4f"}, {"000000000000004F"}} {
		code, _, talk := dfsd(t, append([]string{"preserved", "restore", "--socket", socket}, args...)...)
		if last := fake.asked[len(fake.asked)-1]; code != exitFine || last != "restore branch/projects 000000000000004f " {
			t.Errorf("restore %q = %d, %q, asked %q", args, code, talk, last)
		}
	}
	if code, _, talk := dfsd(t, "preserved", "restore", "9", "--socket", socket); code != exitNotFound || !strings.Contains(talk, "dfsd preserved list") {
		t.Errorf("restore of an unknown id = %d, %q", code, talk)
	}
}

func TestSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90m": 90 * time.Minute, "7d": 168 * time.Hour, "1h30m": 90 * time.Minute,
		"": 0, "0s": 0, "-1h": 0, "d": 0, "7": 0, "1.5d": 0, "99999999d": 0, "40000d": 0, "soon": 0,
	} {
		var s span
		if err := s.Set(text); (err == nil) != (want != 0) || time.Duration(s) != want {
			t.Errorf("Set(%q) = %v, %v, want %v", text, time.Duration(s), err, want)
		}
	}
}
