package smbtree

import (
	"errors"
	"slices"
	"testing"
	"unicode/utf8"

	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
	"dfsd/namespace"
)

// FuzzCreate opens names. Whatever the name, the answer is a folder that is no
// link or a status, and both forms of a name lead to the same one.
func FuzzCreate(f *testing.F) {
	for _, name := range []string{"", `Team\Old`, `Projects\a`, `..\x`, `a:b`, `Team\`, `\\`, "con", `missing\more`, "a\x00*"} {
		f.Add(name, uint32(smb2.DispositionOpen), uint32(0))
	}
	f.Add("new", uint32(smb2.DispositionCreate), uint32(smb2.OptionDirectoryFile))
	tree := public(f)
	f.Fuzz(func(t *testing.T, name string, disposition, options uint32) {
		if !utf8.ValidString(name) {
			return // smb2 makes no such names
		}
		request := func(name string) *smb2.CreateRequest {
			r := openRequest(name)
			r.Disposition, r.Options = smb2.Disposition(disposition), smb2.CreateOptions(options)
			return r
		}
		o, _, err := tree.Create(request(name), false)
		checkOpened(t, o, err)
		flagged, _, flaggedErr := tree.Create(request(`host\share\`+name), true)
		checkOpened(t, flagged, flaggedErr)
		if name != "" && name[0] == '\\' {
			return
		}
		if statusOf(err) != statusOf(flaggedErr) {
			t.Errorf("Create(%q) = %v, with the flag %v", name, err, flaggedErr)
		}
		if err == nil && !namespace.EqualFold(o.folder.node.Path(), trimOne(name)) {
			t.Errorf("Create(%q) opened %q", name, o.folder.node.Path())
		}
	})
}

func checkOpened(t *testing.T, o *Open, err error) {
	t.Helper()
	var status smb2.Status
	switch {
	case (o == nil) == (err == nil):
		t.Errorf("Create = %v, %v", o, err)
	case err != nil && !errors.As(err, &status):
		t.Errorf("Create = %v, want a status", err)
	case err == nil && o.folder.node.IsLink():
		t.Errorf("Create opened the link %q", o.folder.node.Path())
	}
}

// trimOne takes one backslash off the end of a path.
func trimOne(path string) string {
	if n := len(path); n > 0 && path[n-1] == '\\' {
		return path[:n-1]
	}
	return path
}

// FuzzConnect: any path gives a share that exists or a status.
func FuzzConnect(f *testing.F) {
	for _, unc := range []string{`\\h\Public`, `\\h\ipc$`, `\\h`, `\\\\`, `\\h\Public\x`, "\\\\h\\\x00"} {
		f.Add(unc, false)
	}
	forest := testForest(f)
	f.Fuzz(func(t *testing.T, unc string, anonymous bool) {
		tree, err := forest.Connect(unc, Client{Anonymous: anonymous})
		if (tree == nil) == (err == nil) {
			t.Fatalf("Connect(%q) = %v, %v", unc, tree, err)
		}
		if err == nil && anonymous && !tree.IsPipe() {
			t.Errorf("Connect(%q) let an anonymous client in", unc)
		}
	})
}

// FuzzQueryDirectory asks twice on one open. An answer fits the buffer, decodes
// in its class and holds an entry unless it is a failure.
func FuzzQueryDirectory(f *testing.F) {
	for _, c := range allClasses {
		f.Add(uint8(c), uint8(0), uint32(0), "*", uint32(4096))
	}
	f.Add(uint8(fscc.IDBothDirectory), smb2.QueryReturnSingleEntry, uint32(0), "team", uint32(120))
	f.Add(uint8(fscc.Names), smb2.QueryIndexSpecified, uint32(0xFFFFFFFF), "<", uint32(12))
	f.Add(uint8(fscc.Names), smb2.QueryReopen|smb2.QueryRestartScans, uint32(3), "\x00", uint32(0))
	tree := public(f)
	f.Fuzz(func(t *testing.T, class, flags uint8, index uint32, pattern string, limit uint32) {
		o := openDir(t, tree, "")
		limit %= 1 << 16 // smbd refuses more than it negotiated
		for range 2 {
			b, err := o.QueryDirectory(&smb2.QueryDirectoryRequest{
				Class: class, Flags: flags, FileIndex: index, Pattern: pattern, OutputLength: limit,
			})
			status := statusOf(err)
			if uint32(len(b)) > limit || status == smb2.StatusInternalError {
				t.Fatalf("QueryDirectory = %d bytes of %d, %v", len(b), limit, err)
			}
			if hasData := status == smb2.StatusSuccess || status == smb2.StatusBufferOverflow; hasData != (len(b) > 0) {
				t.Fatalf("QueryDirectory = %d bytes, %v", len(b), err)
			}
			if len(b) > 0 {
				if _, err := decodeListing(fscc.DirectoryClass(class), b); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// FuzzQueryInfo: an answer fits the buffer, a failure has none, and only a
// warning has a part.
func FuzzQueryInfo(f *testing.F) {
	f.Add(uint8(smb2.InfoFile), uint8(fscc.FileAll), uint32(0), uint32(104))
	f.Add(uint8(smb2.InfoFileSystem), uint8(fscc.VolumeAttribute), uint32(0), uint32(17))
	f.Add(uint8(smb2.InfoSecurity), uint8(0), uint32(7), uint32(0))
	tree := public(f)
	folder, pipe := openDir(f, tree, "Team"), openSrvsvc(f)
	f.Fuzz(func(t *testing.T, kind, class uint8, additional, limit uint32) {
		for _, o := range []*Open{folder, pipe} {
			b, err := o.QueryInfo(&smb2.QueryInfoRequest{
				Type: smb2.InfoType(kind), Class: class, Additional: additional, OutputLength: limit,
			})
			status := statusOf(err)
			if uint64(len(b)) > uint64(limit) || status == smb2.StatusInternalError || status.IsError() && len(b) > 0 {
				t.Errorf("QueryInfo = %d bytes of %d, %v", len(b), limit, err)
			}
		}
	})
}

// FuzzSetInfo: a folder refuses everything.
func FuzzSetInfo(f *testing.F) {
	f.Add(uint8(smb2.InfoFile), uint8(fscc.FileRename), renameInput(`a\b`))
	f.Add(uint8(smb2.InfoFile), uint8(fscc.FileBasic), make([]byte, 40))
	f.Add(uint8(smb2.InfoFile), uint8(fscc.FilePipe), make([]byte, 8))
	f.Add(uint8(smb2.InfoSecurity), uint8(0), []byte{1})
	folder, pipe := openDir(f, public(f), "Team"), openSrvsvc(f)
	f.Fuzz(func(t *testing.T, kind, class uint8, input []byte) {
		r := &smb2.SetInfoRequest{Type: smb2.InfoType(kind), Class: class, Input: slices.Clip(input)}
		if err := folder.SetInfo(r); !statusOf(err).IsError() {
			t.Errorf("SetInfo of a folder = %v", err)
		}
		if err := pipe.SetInfo(r); err == nil && (class != uint8(fscc.FilePipe) || len(input) < 8) {
			t.Errorf("SetInfo of a pipe, class %d, %d bytes = nil", class, len(input))
		}
	})
}
