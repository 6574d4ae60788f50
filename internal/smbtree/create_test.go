package smbtree

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"dfsd/internal/smb2"
)

// TestCreateFlaggedNames: the names that a Windows server takes with the DFS
// flag ([MS-SMB2] 3.3.5.9; observed on Windows Server 2022).
func TestCreateFlaggedNames(t *testing.T) {
	tests := []struct {
		name string
		in   string
		path string // of what is opened
		want smb2.Status
	}{
		{"empty", ``, "", smb2.StatusInvalidParameter},
		{"a backslash alone", `\`, "", smb2.StatusInvalidParameter},
		{"server", `X`, "", smb2.StatusSuccess},
		{"server and share", `X\Y`, "", smb2.StatusSuccess},
		{"server, share, backslash", `X\Y\`, "", smb2.StatusSuccess},
		{"as macOS sends it", `\X\Y`, "", smb2.StatusSuccess},
		{"as macOS sends a path", `\X\Y\Team`, "Team", smb2.StatusSuccess},
		{"folder", `X\Y\Team\Old`, `Team\Old`, smb2.StatusSuccess},
		{"another share", `other\Closed\Team`, "Team", smb2.StatusSuccess},
		{"server that is a link", `Projects\Y\Team`, "Team", smb2.StatusSuccess},
		{"odd characters in the server", `*?:"<>|\Y\Team`, "Team", smb2.StatusSuccess},
		{"odd characters in the share", `X\*?"<>|\Team`, "Team", smb2.StatusSuccess},
		{"colon in the share", `X\Y:Z\Team`, "", smb2.StatusObjectNameInvalid},
		{"colon in the share alone", `X\Y:Z`, "", smb2.StatusObjectNameInvalid},
		{"missing", `X\Y\missing`, "", smb2.StatusObjectNameNotFound},
		{"missing and more", `X\Y\missing\more`, "", smb2.StatusObjectPathNotFound},
		{"share-relative name", `Team\Old`, "", smb2.StatusSuccess}, // server Team, share Old
		{"two backslashes", `\\X\Y\Team`, "", smb2.StatusObjectPathNotFound},
		{"link", `X\Y\Projects`, "", smb2.StatusPathNotCovered},
	}
	tree := public(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, _, err := tree.Create(openRequest(tt.in), true)
			checkStatus(t, fmt.Sprintf("Create(%q)", tt.in), err, tt.want)
			if err == nil && o.folder.node.Path() != tt.path {
				t.Errorf("Create(%q) opened %q, want %q", tt.in, o.folder.node.Path(), tt.path)
			}
		})
	}
}

// TestCreateBareNames: without the flag names are relative to the share, though
// the share is a DFS root.
func TestCreateBareNames(t *testing.T) {
	tests := []struct {
		name string
		in   string
		path string
		want smb2.Status
	}{
		{"root", ``, "", smb2.StatusSuccess},
		{"folder", `Team`, "Team", smb2.StatusSuccess},
		{"another case", `tEAM\OLD`, `Team\Old`, smb2.StatusSuccess},
		{"backslash behind a folder", `Team\`, "Team", smb2.StatusSuccess},
		{"two backslashes behind a folder", `Team\\`, "", smb2.StatusObjectNameInvalid},
		{"folder without targets", `empty`, "Empty", smb2.StatusSuccess},
		{"missing", `missing`, "", smb2.StatusObjectNameNotFound},
		{"missing in a folder", `Team\missing`, "", smb2.StatusObjectNameNotFound},
		{"missing and more", `missing\more`, "", smb2.StatusObjectPathNotFound},
		{"below a leaf", `Empty\missing`, "", smb2.StatusObjectNameNotFound},
		{"flagged form", `host\Public\Team`, "", smb2.StatusObjectPathNotFound},
		{"leading backslash", `\Team`, "", smb2.StatusInvalidParameter},
		{"backslash alone", `\`, "", smb2.StatusInvalidParameter},
	}
	tree := public(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, _, err := tree.Create(openRequest(tt.in), false)
			checkStatus(t, fmt.Sprintf("Create(%q)", tt.in), err, tt.want)
			if err == nil && o.folder.node.Path() != tt.path {
				t.Errorf("Create(%q) opened %q, want %q", tt.in, o.folder.node.Path(), tt.path)
			}
		})
	}
}

// TestCreateCovered: [MS-DFSC] 3.2.4.1, for each path with the flag and without,
// and whatever else the request says of it.
func TestCreateCovered(t *testing.T) {
	tests := []struct {
		name string
		path string
		want smb2.Status
	}{
		{"link", `Projects`, smb2.StatusPathNotCovered},
		{"link in another case", `pROJECTS`, smb2.StatusPathNotCovered},
		{"link beyond ASCII in another case", `team\üNÏTED`, smb2.StatusPathNotCovered},
		{"link and backslash", `Projects\`, smb2.StatusPathNotCovered},
		{"below a link", `Projects\sub\file.txt`, smb2.StatusPathNotCovered},
		{"deep link", `Team\Old\Deep`, smb2.StatusPathNotCovered},
		{"stream below a link", `Projects\file:stream`, smb2.StatusPathNotCovered},
		{"dots below a link", `Projects\..\Team`, smb2.StatusPathNotCovered},
		{"device below a link", `Projects\con`, smb2.StatusPathNotCovered},
		{"ancestor of links", `Team`, smb2.StatusSuccess},
		{"ancestor of one link", `Team\Old`, smb2.StatusSuccess},
		{"longer than a link's name", `ProjectsX`, smb2.StatusObjectNameNotFound},
		{"shorter than a link's name", `Project`, smb2.StatusObjectNameNotFound},
		{"none", `missing`, smb2.StatusObjectNameNotFound},
	}
	changes := map[string]func(*smb2.CreateRequest){
		"open":          func(*smb2.CreateRequest) {},
		"reparse point": func(r *smb2.CreateRequest) { r.Options |= smb2.OptionOpenReparsePoint },
		"directory":     func(r *smb2.CreateRequest) { r.Options |= smb2.OptionDirectoryFile },
	}
	tree := public(t)
	for _, tt := range tests {
		for change, apply := range changes {
			for _, dfs := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, %v", tt.name, change, dfs), func(t *testing.T) {
					name := tt.path
					if dfs {
						name = `host\Public\` + tt.path
					}
					_, _, err := tree.Create(with(name, apply), dfs)
					checkStatus(t, fmt.Sprintf("Create(%q)", name), err, tt.want)
				})
			}
		}
	}
}

// TestCreateOnLinkNeverRefusesOtherwise: a link's stand-in tells clients where to
// go, whatever they mean to do there.
func TestCreateOnLinkNeverRefusesOtherwise(t *testing.T) {
	tree := public(t)
	for d := smb2.DispositionSupersede; d <= smb2.DispositionOverwriteIf; d++ {
		_, _, err := tree.Create(with(`Projects\new.txt`, func(r *smb2.CreateRequest) {
			r.Disposition = d
			r.DesiredAccess = smb2.AccessGenericAll
			r.Options = smb2.OptionNonDirectoryFile | smb2.OptionDeleteOnClose
		}), false)
		checkStatus(t, fmt.Sprintf("Create with disposition %d", d), err, smb2.StatusPathNotCovered)
	}
}

// TestCreateOfflineAndGone: a namespace that is not ready, and one that a reload
// took away under a tree.
func TestCreateOfflineAndGone(t *testing.T) {
	current := snapshot(t, publicConfig(), closedConfig())
	f := forestOf(&current)
	closed := connect(t, f, "Closed", Client{})
	open := connect(t, f, "Public", Client{})
	for _, name := range []string{"", "x", "missing"} {
		_, _, err := closed.Create(openRequest(name), false)
		checkStatus(t, fmt.Sprintf("Create(%q) offline", name), err, smb2.StatusDFSUnavailable)
	}
	current = snapshot(t, closedConfig())
	_, _, err := open.Create(openRequest(""), false)
	checkStatus(t, "Create after the namespace went", err, smb2.StatusNetworkNameDeleted)
}

// TestCreateSyntax: names that no file has ([MS-SMB2] 3.3.5.9, [MS-FSCC] 2.1.5).
func TestCreateSyntax(t *testing.T) {
	long, over := strings.Repeat("n", 255), strings.Repeat("n", 256)
	tests := []struct {
		name string
		want smb2.Status
	}{
		{`.`, smb2.StatusObjectPathSyntaxBad},
		{`..`, smb2.StatusObjectPathSyntaxBad},
		{`..\..\etc`, smb2.StatusObjectPathSyntaxBad},
		{`Team\..\Projects`, smb2.StatusObjectPathSyntaxBad},
		{`Team\.`, smb2.StatusObjectPathSyntaxBad},
		{`*`, smb2.StatusObjectNameInvalid},
		{`Team\?`, smb2.StatusObjectNameInvalid},
		{`a"b`, smb2.StatusObjectNameInvalid},
		{`a<b`, smb2.StatusObjectNameInvalid},
		{`a>b`, smb2.StatusObjectNameInvalid},
		{`a|b`, smb2.StatusObjectNameInvalid},
		{"a\x00b", smb2.StatusObjectNameInvalid},
		{"a\x1fb", smb2.StatusObjectNameInvalid},
		{`a/b`, smb2.StatusObjectNameInvalid},
		{`a\\b`, smb2.StatusObjectNameInvalid},
		{`Team:stream`, smb2.StatusObjectNameInvalid},
		{`Team::$DATA`, smb2.StatusObjectNameInvalid},
		{`Team::$INDEX_ALLOCATION`, smb2.StatusObjectNameInvalid},
		{long, smb2.StatusObjectNameNotFound},
		{over, smb2.StatusObjectNameInvalid},
		{`missing\` + over, smb2.StatusObjectNameInvalid},
		{strings.Repeat(`a\`, 16000) + `a`, smb2.StatusObjectPathNotFound},
		{`con`, smb2.StatusAccessDenied},
		{`Team\LPT1`, smb2.StatusAccessDenied},
		{`aux.txt`, smb2.StatusObjectNameNotFound},
		{`con\x`, smb2.StatusObjectPathNotFound},
	}
	tree := public(t)
	for _, tt := range tests {
		for _, dfs := range []bool{false, true} {
			name := tt.name
			if dfs {
				name = `h\s\` + name
			}
			_, _, err := tree.Create(openRequest(name), dfs)
			checkStatus(t, fmt.Sprintf("Create(%.40q, %v)", name, dfs), err, tt.want)
		}
	}
}

// TestCreateDispositions: [MS-SMB2] 3.3.5.9 and [MS-FSA] 2.1.5.1 on a tree where
// nothing can be made, replaced or deleted.
func TestCreateDispositions(t *testing.T) {
	const (
		ok       = smb2.StatusSuccess
		denied   = smb2.StatusAccessDenied
		exists   = smb2.StatusObjectNameCollision
		missing  = smb2.StatusObjectNameNotFound
		isDir    = smb2.StatusFileIsADirectory
		wrong    = smb2.StatusInvalidParameter
		anyFile  = smb2.CreateOptions(0)
		onlyDir  = smb2.OptionDirectoryFile
		onlyFile = smb2.OptionNonDirectoryFile
	)
	tests := []struct {
		disposition       smb2.Disposition
		options           smb2.CreateOptions
		existing, newName smb2.Status
	}{
		{smb2.DispositionSupersede, anyFile, denied, denied},
		{smb2.DispositionOpen, anyFile, ok, missing},
		{smb2.DispositionCreate, anyFile, exists, denied},
		{smb2.DispositionOpenIf, anyFile, ok, denied},
		{smb2.DispositionOverwrite, anyFile, denied, missing},
		{smb2.DispositionOverwriteIf, anyFile, denied, denied},
		{6, anyFile, wrong, wrong},

		{smb2.DispositionSupersede, onlyDir, wrong, wrong},
		{smb2.DispositionOpen, onlyDir, ok, missing},
		{smb2.DispositionCreate, onlyDir, exists, denied},
		{smb2.DispositionOpenIf, onlyDir, ok, denied},
		{smb2.DispositionOverwrite, onlyDir, wrong, wrong},
		{smb2.DispositionOverwriteIf, onlyDir, wrong, wrong},

		{smb2.DispositionSupersede, onlyFile, isDir, denied},
		{smb2.DispositionOpen, onlyFile, isDir, missing},
		{smb2.DispositionCreate, onlyFile, exists, denied},
		{smb2.DispositionOpenIf, onlyFile, isDir, denied},
		{smb2.DispositionOverwrite, onlyFile, isDir, missing},
		{smb2.DispositionOverwriteIf, onlyFile, isDir, denied},

		{smb2.DispositionOpen, smb2.OptionDeleteOnClose, denied, missing},
		{smb2.DispositionOpen, onlyDir | onlyFile, wrong, wrong},
		{smb2.DispositionOpen, smb2.OptionOpenByFileID, smb2.StatusNotSupported, smb2.StatusNotSupported},
		{smb2.DispositionOpen, 0x00100000, smb2.StatusNotSupported, smb2.StatusNotSupported},
		{smb2.DispositionOpen, 0x01000000, wrong, wrong},
		{smb2.DispositionOpen, smb2.OptionOpenReparsePoint, ok, missing},
	}
	tree := public(t)
	for _, tt := range tests {
		for name, want := range map[string]smb2.Status{"Team": tt.existing, "": tt.existing, `Team\new`: tt.newName} {
			_, answer, err := tree.Create(with(name, func(r *smb2.CreateRequest) {
				r.Disposition, r.Options = tt.disposition, tt.options
			}), false)
			checkStatus(t, fmt.Sprintf("Create(%q, disposition %d, options %#x)", name, tt.disposition, tt.options), err, want)
			if err == nil && answer.Action != smb2.ActionOpened {
				t.Errorf("Create(%q).Action = %v, want opened", name, answer.Action)
			}
		}
	}
}

// TestCreateAccess: the right to read, in all the ways to ask for it, and no
// other.
func TestCreateAccess(t *testing.T) {
	tests := []struct {
		name    string
		want    smb2.Access
		granted smb2.Access
		status  smb2.Status
	}{
		{"none", 0, 0, smb2.StatusAccessDenied},
		{"read attributes", smb2.AccessReadAttributes, 0x80, smb2.StatusSuccess},
		{"list", smb2.AccessListDirectory | smb2.AccessSynchronize, 0x100001, smb2.StatusSuccess},
		{"all that there is", 0x001200A9, 0x001200A9, smb2.StatusSuccess},
		{"generic read", smb2.AccessGenericRead, 0x00120089, smb2.StatusSuccess},
		{"generic execute", smb2.AccessGenericExecute, 0x001200A0, smb2.StatusSuccess},
		{"generic read and execute", smb2.AccessGenericRead | smb2.AccessGenericExecute, 0x001200A9, smb2.StatusSuccess},
		{"maximum", smb2.AccessMaximumAllowed, 0x001200A9, smb2.StatusSuccess},
		{"maximum and generic read", smb2.AccessMaximumAllowed | smb2.AccessGenericRead, 0x001200A9, smb2.StatusSuccess},
		{"maximum and write", smb2.AccessMaximumAllowed | smb2.AccessAddFile, 0, smb2.StatusAccessDenied},
		{"generic write", smb2.AccessGenericWrite, 0, smb2.StatusAccessDenied},
		{"generic all", smb2.AccessGenericAll, 0, smb2.StatusAccessDenied},
		{"add file", smb2.AccessAddFile, 0, smb2.StatusAccessDenied},
		{"add folder", smb2.AccessAddSubdirectory, 0, smb2.StatusAccessDenied},
		{"write attributes", smb2.AccessWriteAttributes, 0, smb2.StatusAccessDenied},
		{"write extended attributes", smb2.AccessWriteEA, 0, smb2.StatusAccessDenied},
		{"delete", smb2.AccessDelete, 0, smb2.StatusAccessDenied},
		{"delete child", smb2.AccessDeleteChild, 0, smb2.StatusAccessDenied},
		{"write rights", smb2.AccessWriteDAC, 0, smb2.StatusAccessDenied},
		{"take ownership", smb2.AccessWriteOwner, 0, smb2.StatusAccessDenied},
		{"audit", smb2.AccessSystemSecurity, 0, smb2.StatusAccessDenied},
		{"undefined bit", smb2.AccessReadAttributes | 0x200, 0, smb2.StatusAccessDenied},
	}
	tree := public(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, _, err := tree.Create(with("Team", func(r *smb2.CreateRequest) { r.DesiredAccess = tt.want }), false)
			checkStatus(t, "Create", err, tt.status)
			if err == nil && o.folder.granted != tt.granted {
				t.Errorf("granted %#x, want %#x", o.folder.granted, tt.granted)
			}
		})
	}
}

func TestCreateParameters(t *testing.T) {
	tests := []struct {
		name   string
		change func(*smb2.CreateRequest)
		want   smb2.Status
	}{
		{"delegation", func(r *smb2.CreateRequest) { r.Impersonation = smb2.ImpersonationDelegate }, smb2.StatusSuccess},
		{"impersonation level 4", func(r *smb2.CreateRequest) { r.Impersonation = 4 }, smb2.StatusBadImpersonationLevel},
		{"no sharing", func(r *smb2.CreateRequest) { r.ShareAccess = 0 }, smb2.StatusSuccess},
		{"share access 8", func(r *smb2.CreateRequest) { r.ShareAccess = 8 }, smb2.StatusInvalidParameter},
		{"file attributes", func(r *smb2.CreateRequest) { r.FileAttributes = 0xFFFFFFFF }, smb2.StatusSuccess},
		{"oplock", func(r *smb2.CreateRequest) { r.OplockLevel = smb2.OplockBatch }, smb2.StatusSuccess},
		{"lease", func(r *smb2.CreateRequest) { r.OplockLevel = smb2.OplockLease }, smb2.StatusSuccess},
	}
	tree := public(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, answer, err := tree.Create(with("Team", tt.change), false)
			checkStatus(t, "Create", err, tt.want)
			if answer.OplockLevel != smb2.OplockNone {
				t.Errorf("oplock %v granted", answer.OplockLevel)
			}
		})
	}
}

func TestCreateResponse(t *testing.T) {
	_, got, err := public(t).Create(openRequest("Team"), false)
	if err != nil {
		t.Fatal(err)
	}
	if got.FileAttributes != 0x10 || got.EndOfFile != 0 || got.AllocationSize != 0 || got.Contexts != nil {
		t.Errorf("response = %+v, want a directory without content and contexts", got)
	}
	for _, at := range []smb2.Filetime{got.Creation, got.LastAccess, got.LastWrite, got.Change} {
		if at != startTime {
			t.Errorf("time = %d, want %d", at, startTime)
		}
	}
}

// TestCreateContexts: MxAc and QFid are answered ([MS-SMB2] 2.2.14.2.5, .9), what
// asks for handles, leases or snapshots is not.
func TestCreateContexts(t *testing.T) {
	ask := func(names ...string) []smb2.CreateContext {
		var list []smb2.CreateContext
		for _, name := range names {
			list = append(list, smb2.CreateContext{Name: name, Data: make([]byte, 16)})
		}
		return list
	}
	tree := public(t)
	_, answer, err := tree.Create(with("", func(r *smb2.CreateRequest) {
		r.Contexts = ask("DH2Q", "MxAc", "RqLs", "QFid", "AAPL", "AlSi", "TWrp", "DHnQ", "MxAc")
	}), false)
	if err != nil {
		t.Fatal(err)
	}
	root, _ := tree.forest.o.Snapshot().Root("Public")
	var id, volume [8]byte
	for i := range 8 {
		id[i], volume[i] = byte(root.Top().ID()>>(8*i)), byte(tree.forest.serial(root)>>(8*i))
	}
	want := map[string]string{
		"MxAc": "00000000" + "a9001200",
		"QFid": hex.EncodeToString(id[:]) + hex.EncodeToString(volume[:]) + strings.Repeat("00", 16),
	}
	if len(answer.Contexts) != len(want) {
		t.Errorf("%d contexts, want %d", len(answer.Contexts), len(want))
	}
	for _, c := range answer.Contexts {
		if got := hex.EncodeToString(c.Data); got != want[c.Name] {
			t.Errorf("context %s = %s, want %s", c.Name, got, want[c.Name])
		}
	}
}
