package smbtree

import (
	"testing"

	"dfsd/internal/smb2"
)

func TestQuotaIndex(t *testing.T) {
	tree := public(t)
	for _, tt := range []struct {
		name, path string
		dfs        bool
	}{
		{"plain", `$Extend\$Quota:$Q:$INDEX_ALLOCATION`, false},
		{"other case", `$EXTEND\$quota:$q:$index_allocation`, false},
		{"behind server and share", `host\public\$Extend\$Quota:$Q:$INDEX_ALLOCATION`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, answer, err := tree.Create(openRequest(tt.path), tt.dfs)
			if err != nil {
				t.Fatalf("Create(%q) = %v", tt.path, err)
			}
			// As smb2.create.quota-fake-file of smbtorture wants them.
			if answer.FileAttributes != 0x36 || answer.Creation != 0 {
				t.Errorf("attributes %#x, created %v, want hidden, system, directory, archive, and no time", answer.FileAttributes, answer.Creation)
			}
			_, err = o.QueryInfo(&smb2.QueryInfoRequest{Type: smb2.InfoQuota, OutputLength: 4096})
			checkStatus(t, "quotas", err, smb2.StatusNoMoreEntries)
			_, err = o.QueryDirectory(&smb2.QueryDirectoryRequest{Class: 37, Pattern: "*", OutputLength: 4096})
			checkStatus(t, "listing", err, smb2.StatusAccessDenied)
			checkStatus(t, "watching", o.CheckNotify(smb2.ChangeNotifyRequest{}), smb2.StatusAccessDenied)
		})
	}
	_, _, err := tree.Create(openRequest(`$Extend\$Quota:$Q`), false)
	checkStatus(t, "another stream", err, smb2.StatusObjectNameInvalid)
	_, _, err = tree.Create(with(quotaIndex, func(r *smb2.CreateRequest) { r.Disposition = smb2.DispositionOverwrite }), false)
	checkStatus(t, "overwriting", err, smb2.StatusAccessDenied)
}
