package main

import (
	"context"
	"path/filepath"
	"sync/atomic"
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
	areas             atomic.Pointer[map[string]string] // by label: the directory
	fs                fsx.FS
	free, size, files *prometheus.GaugeVec
}

func newSpaces(file *configs.File, reg *prometheus.Registry) *spaces {
	gauge := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"area"})
		reg.MustRegister(g)
		return g
	}
	s := &spaces{
		fs:    fsx.OS(),
		free:  gauge("dfsd_disk_free_bytes", "Room on the disk of an area that dfsd writes: data_dir, or a replicated folder as group/folder."),
		size:  gauge("dfsd_disk_size_bytes", "Size of the disk of an area that dfsd writes."),
		files: gauge("dfsd_disk_free_files", "Files that the disk of an area still takes; absent: no limit."),
	}
	s.follow(file)
	return s
}

// follow takes the areas from another configuration, from the next look on.
func (s *spaces) follow(file *configs.File) {
	areas := areasOf(file)
	s.areas.Store(&areas)
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
	var before map[string]string
	for {
		before = s.lookAtAll(before)
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// lookAtAll measures the areas of now, which it returns, and forgets those of before
// that are none any more.
func (s *spaces) lookAtAll(before map[string]string) map[string]string {
	areas := *s.areas.Load()
	for area := range before {
		if _, stays := areas[area]; !stays {
			s.forget(area)
		}
	}
	for area, path := range areas {
		s.look(area, path)
	}
	return areas
}

// look measures one area. What cannot be measured has no figures.
func (s *spaces) look(area, path string) {
	room, err := s.measure(path)
	if err != nil {
		s.forget(area)
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

func (s *spaces) forget(area string) {
	for _, g := range []*prometheus.GaugeVec{s.free, s.size, s.files} {
		g.DeleteLabelValues(area)
	}
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
