package smbtree

import (
	"errors"
	"testing"
	"time"

	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
	"dfsd/namespace"
)

// start is the time of every file in the tests; as a FILETIME it is startBytes
// in little-endian hexadecimal.
var start = time.Date(2024, 2, 29, 12, 30, 15, 987654300, time.UTC)

const startTime = 133536834159876543

// link and branch describe folders of a namespace: with a target and without.
func link(path string) namespace.FolderConfig {
	return namespace.FolderConfig{
		Path:    path,
		TTL:     time.Hour,
		Targets: []namespace.TargetConfig{{Path: `\\192.0.2.9\target`}},
	}
}

func branch(path string) namespace.FolderConfig {
	return namespace.FolderConfig{Path: path, TTL: time.Hour, Comment: "no targets"}
}

// publicConfig is the namespace that most tests use.
func publicConfig() namespace.Config {
	return namespace.Config{
		Name:    "Public",
		Comment: "Company shares",
		TTL:     5 * time.Minute,
		Folders: []namespace.FolderConfig{
			link("Projects"), link(`Team\Berlin`), link(`Team\Ünïted`), link(`Team\Old\Deep`), branch("Empty"),
		},
	}
}

// closedConfig is a namespace that is offline.
func closedConfig() namespace.Config {
	return namespace.Config{
		Name: "Closed", TTL: 5 * time.Minute, State: namespace.Offline,
		Folders: []namespace.FolderConfig{link("x")},
	}
}

func snapshot(t testing.TB, cfgs ...namespace.Config) *namespace.Snapshot {
	t.Helper()
	s, err := namespace.New(cfgs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// forestOf serves what current points at when a client asks.
func forestOf(current **namespace.Snapshot) *Forest {
	return New(Options{
		Snapshot:     func() *namespace.Snapshot { return *current },
		Host:         Host{Name: "FS1", Domain: "WORKGROUP", Comment: "Namespaces"},
		Start:        start,
		VolumeSerial: 0xAABBCCDD,
	})
}

func testForest(t testing.TB) *Forest {
	t.Helper()
	s := snapshot(t, publicConfig(), closedConfig())
	return forestOf(&s)
}

func connect(t testing.TB, f *Forest, share string, c Client) *Tree {
	t.Helper()
	tree, err := f.Connect(`\\host\`+share, c)
	if err != nil {
		t.Fatalf("Connect(%q) = %v", share, err)
	}
	return tree
}

func public(t testing.TB) *Tree {
	t.Helper()
	return connect(t, testForest(t), "Public", Client{Dialect: smb2.Dialect311})
}

// openRequest is what clients send to look at a folder.
func openRequest(name string) *smb2.CreateRequest {
	return &smb2.CreateRequest{
		Impersonation: smb2.ImpersonationImpersonation,
		DesiredAccess: smb2.AccessGenericRead,
		ShareAccess:   smb2.ShareRead | smb2.ShareWrite | smb2.ShareDelete,
		Disposition:   smb2.DispositionOpen,
		Name:          name,
	}
}

// with returns the request to open name, changed by change.
func with(name string, change func(*smb2.CreateRequest)) *smb2.CreateRequest {
	r := openRequest(name)
	change(r)
	return r
}

func mustOpen(t testing.TB, tree *Tree, r *smb2.CreateRequest) *Open {
	t.Helper()
	o, _, err := tree.Create(r, false)
	if err != nil {
		t.Fatalf("Create(%q) = %v", r.Name, err)
	}
	return o
}

func openDir(t testing.TB, tree *Tree, name string) *Open {
	t.Helper()
	return mustOpen(t, tree, openRequest(name))
}

// statusOf is the status that err stands for.
func statusOf(err error) smb2.Status {
	var s smb2.Status
	if err != nil && !errors.As(err, &s) {
		return smb2.StatusInternalError
	}
	return s
}

func checkStatus(t *testing.T, what string, err error, want smb2.Status) {
	t.Helper()
	if got := statusOf(err); got != want {
		t.Errorf("%s = %v, want %v", what, err, want)
	}
}

// allClasses are the directory classes of [MS-SMB2] 2.2.33.
var allClasses = []fscc.DirectoryClass{
	fscc.Directory, fscc.FullDirectory, fscc.BothDirectory, fscc.Names, fscc.IDBothDirectory, fscc.IDFullDirectory,
	fscc.IDExtdDirectory, fscc.ID64ExtdDirectory, fscc.ID64ExtdBothDirectory, fscc.IDAllExtdDirectory,
	fscc.IDAllExtdBothDirectory,
}
