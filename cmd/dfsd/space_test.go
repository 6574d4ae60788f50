package main

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"dfsd/configs"
	"dfsd/internal/fsx"
	"dfsd/replication"
)

func TestAreasOf(t *testing.T) {
	file := &configs.File{Host: "fs1", DataDir: "/var/lib/dfsd", Replication: &replication.Config{Groups: []replication.GroupConfig{
		{
			Name: "docs", Members: []replication.MemberConfig{{Host: "FS1"}, {Host: "fs2"}},
			Folders: []replication.FolderConfig{{
				Name: "plans", Path: "/data/plans", Members: map[string]replication.FolderMemberConfig{"fs1": {Path: "/srv/plans/"}},
			}},
		},
		{
			Name: "others", Members: []replication.MemberConfig{{Host: "fs2"}, {Host: "fs3"}},
			Folders: []replication.FolderConfig{{Name: "theirs", Path: "/data/theirs"}},
		},
	}}}
	want := map[string]string{"data_dir": "/var/lib/dfsd", "docs/plans": "/srv/plans"}
	if got := areasOf(file); !maps.Equal(got, want) {
		t.Errorf("areas %v, want %v", got, want)
	}
}

// TestSpaces: what can be measured has figures, and what cannot any more loses them.
func TestSpaces(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := newSpaces(&configs.File{DataDir: t.TempDir()}, reg)
	s.fs = fsx.NewMemory(fsx.MemoryOptions{Capacity: 1 << 20})
	s.look("data_dir", "/")
	want := `
# HELP dfsd_disk_size_bytes Size of the disk of an area that dfsd writes.
# TYPE dfsd_disk_size_bytes gauge
dfsd_disk_size_bytes{area="data_dir"} 1.048576e+06
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "dfsd_disk_size_bytes"); err != nil {
		t.Error(err)
	}
	if free := testutil.ToFloat64(s.free.WithLabelValues("data_dir")); free <= 0 || free > 1<<20 {
		t.Errorf("%v bytes free", free)
	}
	before := s.lookAtAll(nil)
	s.follow(&configs.File{})
	s.lookAtAll(before)
	if n, err := testutil.GatherAndCount(reg); err != nil || n != 0 {
		t.Errorf("%d series of a disk that a reload took away, %v", n, err)
	}
	s.look("data_dir", "/")
	s.fs = fsx.OS()
	s.look("data_dir", filepath.Join(t.TempDir(), "gone"))
	if n, err := testutil.GatherAndCount(reg); err != nil || n != 0 {
		t.Errorf("%d series of a disk that is gone, %v", n, err)
	}
}
