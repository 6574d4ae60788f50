package house

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms says for each room which rooms of ours its product code may import.
// "fault" and "quantity" are plain nouns of configurations that every room
// with a Config may use. A new room needs its own words, not just its own
// file; it is added here with the sentence of its package comment.
var rooms = map[string][]string{
	"internal/fault":    nil,
	"internal/quantity": nil,
	"internal/netaddr":  nil,
	"internal/resolve":  nil,
	"internal/house":    nil,

	"sites":          {"internal/fault"},
	"sites/adsites":  {"sites", "internal/fault", "internal/durable"},
	"namespace":      {"internal/fault"},
	"referral":       {"namespace", "sites"},
	"referral/dfsc":  {"referral"},
	"replication":    {"replication/version", "internal/fault", "internal/quantity"},
	"internal/smb2":  nil,
	"internal/fscc":  nil,
	"internal/admin": {"internal/audit", "internal/report", "namespace", "sites", "referral", "replication", "replication/status"},

	"internal/dcerpc":       nil,
	"internal/smbauth":      {"internal/durable"},
	"internal/smbtree":      {"internal/smb2", "internal/fscc", "internal/dcerpc", "namespace"},
	"internal/smbd":         {"internal/event", "internal/netaddr", "internal/smb2", "internal/smbauth", "internal/smbtree", "referral", "referral/dfsc", "internal/fault", "internal/quantity"},
	"internal/smbclient":    {"internal/smb2", "internal/smbauth", "referral/dfsc"},
	"internal/lab":          {"internal/lab/servers", "internal/lab/standin", "internal/smbclient", "internal/smb2", "internal/smbauth", "referral/dfsc"},
	"internal/lab/replicas": nil,
	"internal/lab/servers":  nil,
	"internal/lab/standin":  nil,
	"internal/bench":        {"internal/smbclient", "internal/smb2", "referral/dfsc"},

	"internal/fsx":          nil,
	"replication/version":   nil,
	"replication/chunk":     nil,
	"replication/reconcile": {"replication", "replication/version"},
	"replication/index":     {"replication", "replication/version", "replication/reconcile"},
	"replication/status":    nil,
	"replication/journal":   nil,
	"replication/survey":    {"replication", "replication/version", "replication/chunk", "replication/reconcile", "replication/index", "internal/fsx"},
	"replication/transfer":  {"replication", "replication/version", "replication/chunk", "replication/wire", "internal/fsx"},
	"replication/engine": {
		"replication", "replication/version", "replication/chunk", "replication/reconcile", "replication/index", "replication/install",
		"replication/journal", "replication/survey", "replication/transfer", "replication/wire", "replication/peer", "replication/status", "internal/fsx",
		"internal/event", "internal/durable", "replication/canary",
	},
	"replication/install": {"replication", "replication/version", "internal/fsx"},
	"replication/wire":    {"internal/field", "replication", "replication/version", "replication/chunk"},
	"replication/peer":    {"internal/durable", "internal/netaddr", "replication", "replication/version", "replication/wire"},
	"replication/sim":     {"replication", "replication/version", "replication/reconcile", "internal/fsx"},

	"internal/smbprobe":    {"internal/smbclient", "internal/smb2", "internal/smbauth", "referral/health"},
	"referral/health":      nil,
	"referral/targetstate": {"internal/durable", "referral", "namespace", "replication/status", "internal/fault"},
	"replication/summary":  {"internal/field", "replication", "replication/status"},
	"replication/canary":   {"internal/fsx"},
	"internal/report":      {"internal/quantity", "replication/status", "internal/event"},
	"internal/doctor":      {"namespace", "sites", "sites/adsites", "replication", "internal/resolve", "internal/smbauth", "internal/smbprobe", "referral/health", "internal/netaddr"},
	"internal/audit":       {"internal/durable"},
	"internal/event":       nil,
	"internal/durable":     nil,
	"internal/field":       nil,
	"internal/targets": {
		"namespace", "referral", "referral/health", "referral/targetstate", "replication", "replication/summary", "replication/status", "internal/event", "internal/netaddr",
	},

	"configs":  {"*"},
	"cmd/dfsd": {"*"},
}

func TestImportsPointOneWay(t *testing.T) {
	for _, s := range sources(t) {
		allowed, known := rooms[s.room()]
		if !known {
			if !strings.HasPrefix(s.room(), "cmd/") && !isGenerator(s) {
				t.Errorf("%s: room %q is not in the table of rooms", s.path, s.room())
			}
			continue
		}
		if s.isTest() {
			continue
		}
		for _, spec := range s.file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			inner, ours := strings.CutPrefix(path, module+"/")
			if ours && inner != s.room() && !covers(allowed, inner) {
				t.Errorf("%s: %s may not import %s", s.at(spec.Pos()), s.room(), inner)
			}
		}
	}
}

// covers tells whether an entry of the table has a room: "*" is every one but
// those that only tests use.
func covers(allowed []string, room string) bool {
	forTests := strings.HasPrefix(room+"/", "internal/lab/")
	return slices.Contains(allowed, room) || slices.Contains(allowed, "*") && !forTests
}

// isGenerator tells a program that only `go generate` builds.
func isGenerator(s source) bool {
	return strings.Contains(string(s.text[:min(200, len(s.text))]), "//go:build ignore")
}

// TestNobodyImportsTheTop keeps the two rooms that may see everything from
// being seen.
func TestNobodyImportsTheTop(t *testing.T) {
	for _, s := range sources(t) {
		for _, spec := range s.file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			top := path == module+"/configs" || strings.HasPrefix(path, module+"/cmd/")
			if top && !strings.HasPrefix(s.room(), "cmd/") && !strings.HasPrefix(s.room(), "configs") && !s.isTest() {
				t.Errorf("%s: %s imports %s", s.at(spec.Pos()), s.room(), path)
			}
		}
	}
}
