package smbprobe

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"dfsd/internal/smb2"
	"dfsd/referral/health"
)

// probe gives a probe a time that no good server needs.
func probe(t testing.TB, p *Prober, paths ...string) health.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return p.Probe(ctx, "fs1", paths)
}

// verdicts writes a result in one line, statuses only.
func verdicts(r health.Result) string {
	words := []string{"host " + verdict(r.Host)}
	for _, f := range r.Targets {
		words = append(words, verdict(f))
	}
	return strings.Join(words, ", ")
}

func verdict(f *health.Failure) string {
	if f == nil {
		return "good"
	}
	return f.Stage.String()
}

func TestShallow(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, nil)
	p := newProber(t, s.port, "", nil)
	for range 3 {
		if got, want := verdicts(probe(t, p, `a`, `b\c`)), "host good, good, good"; got != want {
			t.Errorf("probe: %s, want %s", got, want)
		}
	}
	if got := s.count(smb2.CommandNegotiate); got != 3 {
		t.Errorf("%d NEGOTIATE, want one for each probe", got)
	}
	if got := s.count(smb2.CommandSessionSetup); got != 0 {
		t.Errorf("%d SESSION_SETUP without credentials", got)
	}
}

// TestStatuses is what each answer of a server means for a target.
func TestStatuses(t *testing.T) {
	tests := []struct {
		at     string // which request answers so
		status smb2.Status
		want   string
		words  string
	}{
		{"share", smb2.StatusSuccess, "good", ""},
		{"share", smb2.StatusAccessDenied, "good", ""},
		{"share", smb2.StatusPathNotCovered, "good", ""},
		{"share", smb2.StatusBadNetworkName, "tree", `share \\fs1\docs does not exist (STATUS_BAD_NETWORK_NAME)`},
		{"share", smb2.StatusRequestNotAccepted, "tree", `has as many users as it may have (STATUS_REQUEST_NOT_ACCEPTED)`},
		{"share", smb2.StatusUnsuccessful, "tree", `cannot be connected to (STATUS_UNSUCCESSFUL)`},
		{"folder", smb2.StatusAccessDenied, "good", ""},
		{"folder", smb2.StatusPathNotCovered, "good", ""},
		{"folder", smb2.StatusSharingViolation, "good", ""},
		{"folder", smb2.StatusObjectNameNotFound, "path", `path \\fs1\docs\a\b does not exist (STATUS_OBJECT_NAME_NOT_FOUND)`},
		{"folder", smb2.StatusObjectPathNotFound, "path", `does not exist (STATUS_OBJECT_PATH_NOT_FOUND)`},
		{"folder", smb2.StatusNotADirectory, "path", `is not a folder (STATUS_NOT_A_DIRECTORY)`},
		{"folder", smb2.StatusNetworkNameDeleted, "path", `is gone with its share (STATUS_NETWORK_NAME_DELETED)`},
		{"folder", smb2.StatusIOTimeout, "path", `on a disk that the server cannot read (STATUS_IO_TIMEOUT)`},
		{"folder", smb2.Status(0xC0001234), "path", `cannot be opened (STATUS_0xC0001234)`},
	}
	for _, split := range []bool{false, true} {
		for _, dialect := range []smb2.Dialect{smb2.Dialect311, smb2.Dialect210, smb2.Dialect202} {
			for _, tt := range tests {
				t.Run(fmt.Sprintf("%v/split=%v/%s %v", dialect, split, tt.at, tt.status), func(t *testing.T) {
					s := startServer(t, "127.0.0.1", 0, func(s *server) {
						s.dialect, s.split = dialect, split
						if tt.at == "share" {
							s.share = func(string) smb2.Status { return tt.status }
						} else {
							s.folder = func(string, string) smb2.Status { return tt.status }
						}
					})
					r := probe(t, newProber(t, s.port, testPassword, nil), `docs\a\b`)
					if got, want := verdicts(r), "host good, "+tt.want; got != want {
						t.Fatalf("probe: %s, want %s", got, want)
					}
					if got := s.count(smb2.CommandIoctl); (got == 1) != (dialect != smb2.Dialect311) {
						t.Errorf("%d VALIDATE_NEGOTIATE_INFO with dialect %v", got, dialect)
					}
					if f := r.Targets[0]; f != nil && !strings.Contains(f.Err.Error(), tt.words) {
						t.Errorf("error %q, want %q", f.Err, tt.words)
					}
				})
			}
		}
	}
}

// TestManyTargets asks about more paths than can be under way at once.
func TestManyTargets(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, func(s *server) {
		s.share = func(name string) smb2.Status {
			if name == "gone" {
				return smb2.StatusBadNetworkName
			}
			return smb2.StatusSuccess
		}
		s.folder = func(share, name string) smb2.Status {
			if strings.HasSuffix(name, "7") {
				return smb2.StatusObjectNameNotFound
			}
			return smb2.StatusSuccess
		}
	})
	p := newProber(t, s.port, testPassword, nil)
	var paths, want []string
	for i := range 500 {
		share, verdict := fmt.Sprintf("s%d", i%20), "good"
		switch {
		case i%20 == 13:
			share, verdict = "gone", "tree"
		case i%10 == 7:
			verdict = "path"
		}
		paths, want = append(paths, fmt.Sprintf(`%s\x%d`, share, i)), append(want, verdict)
	}
	for range 2 {
		if got, want := verdicts(probe(t, p, paths...)), "host good, "+strings.Join(want, ", "); got != want {
			t.Errorf("probe: %s\nwant   %s", got, want)
		}
	}
	if got := s.count(smb2.CommandTreeConnect); got != 19+2 {
		t.Errorf("%d TREE_CONNECT, want one for each share that is there, and one a probe for the other", got)
	}
	if creates, closes := s.count(smb2.CommandCreate), s.count(smb2.CommandClose); creates != 950 || closes != creates {
		t.Errorf("%d CREATE, %d CLOSE, want 950 each", creates, closes)
	}
	if got := s.count(smb2.CommandSessionSetup); got != 2 {
		t.Errorf("%d SESSION_SETUP, want those of one session", got)
	}
}

// TestDeniedShareIsNotAskedForEachTime spares the server's log.
func TestDeniedShareIsNotAskedForEachTime(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, func(s *server) { s.share = func(string) smb2.Status { return smb2.StatusAccessDenied } })
	p := newProber(t, s.port, testPassword, nil)
	start := time.Now()
	for i, tt := range []struct {
		at    time.Duration
		trees int
	}{{0, 1}, {treeLife - 1, 1}, {treeLife, 2}} {
		p.now = func() time.Time { return start.Add(tt.at) }
		if got := verdicts(probe(t, p, `docs\a`, `docs\b`)); got != "host good, good, good" {
			t.Errorf("probe %d: %s", i, got)
		}
		if got := s.count(smb2.CommandTreeConnect); got != tt.trees {
			t.Errorf("probe %d: %d TREE_CONNECT, want %d", i, got, tt.trees)
		}
	}
	if got := s.count(smb2.CommandTreeDisconnect); got != 0 {
		t.Errorf("%d TREE_DISCONNECT of no tree", got)
	}
}

func TestBadPaths(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, nil)
	p := newProber(t, s.port, testPassword, nil)
	r := probe(t, p, ``, `\`, strings.Repeat("x", maxName+1), `\docs\`)
	if got, want := verdicts(r), "host good, tree, tree, tree, good"; got != want {
		t.Errorf("probe: %s, want %s", got, want)
	}
}
