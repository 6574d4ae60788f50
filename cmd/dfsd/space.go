package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dfsd/configs"
	"dfsd/internal/fsx"
)

// spaceEvery is how often the room on disks is looked at.
const spaceEvery = 30 * time.Second

// spaces tells metrics how much room the disks have that dfsd writes on. A disk
// that hangs holds up nobody who reads the metrics: its figures stay as they were.
type spaces struct {
	areas             map[string]string // by label: the directory
	fs                fsx.FS
	free, size, files *prometheus.GaugeVec
}

// newSpaces takes the areas from the configuration that the daemon starts with:
// others need a restart.
func newSpaces(file *configs.File, reg *prometheus.Registry) *spaces {
	gauge := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"area"})
		reg.MustRegister(g)
		return g
	}
	return &spaces{
		areas: areasOf(file), fs: fsx.OS(),
		free:  gauge("dfsd_disk_free_bytes", "Room on the disk of an area that dfsd writes: data_dir, or a replicated folder as group/folder."),
		size:  gauge("dfsd_disk_size_bytes", "Size of the disk of an area that dfsd writes."),
		files: gauge("dfsd_disk_free_files", "Files that the disk of an area still takes; absent: no limit."),
	}
}

// areasOf returns the directories that dfsd writes in.
func areasOf(file *configs.File) map[string]string {
	areas := map[string]string{}
	if file.DataDir != "" {
		areas["data_dir"] = file.DataDir
	}
	if file.Replication == nil {
		return areas
	}
	for _, g := range file.Replication.Groups {
		if _, ours := g.Member(file.Host); !ours {
			continue
		}
		for _, f := range g.Folders {
			if path, _ := f.On(file.Host); path != "" {
				areas[g.Name+"/"+f.Name] = filepath.Clean(path)
			}
		}
	}
	return areas
}

// run looks at the areas until ctx ends.
func (s *spaces) run(ctx context.Context) {
	every := time.NewTicker(spaceEvery)
	defer every.Stop()
	for {
		for area, path := range s.areas {
			s.look(area, path)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// look measures one area. What cannot be measured has no figures.
func (s *spaces) look(area, path string) {
	room, err := s.measure(path)
	if err != nil {
		for _, g := range []*prometheus.GaugeVec{s.free, s.size, s.files} {
			g.DeleteLabelValues(area)
		}
		return
	}
	s.free.WithLabelValues(area).Set(float64(room.Free))
	s.size.WithLabelValues(area).Set(float64(room.Total))
	if room.FreeInodes < 0 {
		s.files.DeleteLabelValues(area)
		return
	}
	s.files.WithLabelValues(area).Set(float64(room.FreeInodes))
}

func (s *spaces) measure(path string) (fsx.Space, error) {
	dir, err := s.fs.OpenRoot(path)
	if err != nil {
		return fsx.Space{}, err
	}
	room, err := dir.Space()
	if closed := dir.Close(); err == nil {
		err = closed
	}
	return room, err
}
