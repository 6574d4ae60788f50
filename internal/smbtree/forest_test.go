package smbtree

import (
	"testing"

	"dfsd/internal/dcerpc"
	"dfsd/internal/smb2"
	"dfsd/namespace"
)

// TestConnect: [MS-SMB2] 3.3.5.7 row by row.
func TestConnect(t *testing.T) {
	user, guest, anonymous := Client{}, Client{Guest: true}, Client{Anonymous: true}
	tests := []struct {
		name   string
		unc    string
		client Client
		share  string
		want   smb2.Status
	}{
		{"namespace", `\\host\Public`, user, "Public", smb2.StatusSuccess},
		{"any host", `\\192.0.2.1\Public`, user, "Public", smb2.StatusSuccess},
		{"IPv6 host", `\\[2001:db8::1]\Public`, user, "Public", smb2.StatusSuccess},
		{"another case", `\\HOST\pUBLIC`, user, "Public", smb2.StatusSuccess},
		{"offline namespace", `\\host\closed`, user, "Closed", smb2.StatusSuccess},
		{"pipes", `\\host\IPC$`, user, "IPC$", smb2.StatusSuccess},
		{"pipes in another case", `\\host\ipc$`, user, "IPC$", smb2.StatusSuccess},
		{"unknown share", `\\host\nosuch`, user, "", smb2.StatusBadNetworkName},
		{"unknown hidden share", `\\host\C$`, user, "", smb2.StatusBadNetworkName},

		{"guest", `\\host\Public`, guest, "Public", smb2.StatusSuccess},
		{"guest, pipes", `\\host\IPC$`, guest, "IPC$", smb2.StatusSuccess},
		{"anonymous, pipes", `\\host\IPC$`, anonymous, "IPC$", smb2.StatusSuccess},
		{"anonymous, namespace", `\\host\Public`, anonymous, "", smb2.StatusAccessDenied},
		{"anonymous, unknown share", `\\host\nosuch`, anonymous, "", smb2.StatusAccessDenied},

		{"empty", ``, user, "", smb2.StatusInvalidParameter},
		{"share alone", `Public`, user, "", smb2.StatusInvalidParameter},
		{"one backslash", `\host\Public`, user, "", smb2.StatusInvalidParameter},
		{"slashes", `//host/Public`, user, "", smb2.StatusInvalidParameter},
		{"host alone", `\\host`, user, "", smb2.StatusInvalidParameter},
		{"no share", `\\host\`, user, "", smb2.StatusInvalidParameter},
		{"no host", `\\\Public`, user, "", smb2.StatusInvalidParameter},
		{"path behind the share", `\\host\Public\Projects`, user, "", smb2.StatusInvalidParameter},
		{"backslash behind the share", `\\host\Public\`, user, "", smb2.StatusInvalidParameter},
	}
	f := testForest(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree, err := f.Connect(tt.unc, tt.client)
			checkStatus(t, "Connect", err, tt.want)
			if err != nil {
				return
			}
			if tree.ShareName() != tt.share || tree.IsPipe() != (tt.share == "IPC$") {
				t.Errorf("Connect(%q) = %q, pipe %v, want %q", tt.unc, tree.ShareName(), tree.IsPipe(), tt.share)
			}
		})
	}
}

// TestTreeResponse: [MS-SMB2] 2.2.10. Clients look for DFS in the flags or in the
// capabilities, so a namespace shows it in both.
func TestTreeResponse(t *testing.T) {
	f := testForest(t)
	tests := []struct {
		share string
		want  smb2.TreeConnectResponse
	}{
		{"Public", smb2.TreeConnectResponse{Type: 1, Flags: 0x33, Capabilities: 0x8, MaximalAccess: 0x001200A9}},
		{"Closed", smb2.TreeConnectResponse{Type: 1, Flags: 0x33, Capabilities: 0x8, MaximalAccess: 0x001200A9}},
		{"IPC$", smb2.TreeConnectResponse{Type: 2, Flags: 0x30, MaximalAccess: 0x001F00A9}},
	}
	for _, tt := range tests {
		if got := connect(t, f, tt.share, Client{}).Response(); got != tt.want {
			t.Errorf("Response of %s = %+v, want %+v", tt.share, got, tt.want)
		}
	}
}

func TestShares(t *testing.T) {
	want := []dcerpc.Share{
		{Name: "Public", Comment: "Company shares", Type: dcerpc.Disktree, DFSRoot: true},
		{Name: "Closed", Type: dcerpc.Disktree, DFSRoot: true},
		{Name: "IPC$", Comment: "Remote IPC", Type: dcerpc.IPC},
	}
	got := testForest(t).shares()
	if len(got) != len(want) {
		t.Fatalf("shares() = %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("shares()[%d] = %+v, want %+v", i, got[i], want[i])
		}
	}
}

// TestVolumesDiffer: no two namespaces of a host are one volume, nor those of
// two hosts; and a volume stays one across reloads.
func TestVolumesDiffer(t *testing.T) {
	s, again := snapshot(t, publicConfig(), closedConfig()), snapshot(t, publicConfig())
	here, there := forestOf(&s), New(Options{VolumeSerial: 1})
	root := func(s *namespace.Snapshot, name string) *namespace.Root {
		r, ok := s.Root(name)
		if !ok {
			t.Fatalf("no namespace %s", name)
		}
		return r
	}
	serial := here.serial(root(s, "Public"))
	if other := here.serial(root(s, "Closed")); uint32(other) == uint32(serial) {
		t.Errorf("two namespaces are the volume %#x", serial)
	}
	if other := there.serial(root(s, "Public")); uint32(other) == uint32(serial) {
		t.Errorf("the namespace is the volume %#x on two hosts", serial)
	}
	if after := here.serial(root(again, "Public")); after != serial {
		t.Errorf("serial after a reload = %#x, want %#x", after, serial)
	}
}
