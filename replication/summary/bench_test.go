package summary

import (
	"fmt"
	"testing"
	"time"

	"dfsd/replication/status"
)

// load makes folders of so many connections each.
func load(folders, connections int) []status.Folder {
	all := make([]status.Folder, folders)
	for i := range all {
		s := status.Folder{Group: "branch", Folder: fmt.Sprintf("folder-%05d", i), State: status.Normal, Files: 120_000, Bytes: 300 << 30}
		for j := range connections {
			s.Connections = append(s.Connections, status.Connection{
				From: "fs1.example.com", To: fmt.Sprintf("fs%d.example.com", j+2), State: status.Connected,
				BacklogFiles: int64(i % 100), BacklogBytes: int64(i%100) << 20, OldestSeconds: float64(i % 100),
			})
		}
		all[i] = s
	}
	return all
}

// wireSize encodes an update and returns the bytes of its frames.
func wireSize(u update, now time.Time) (n int) {
	for rest := u.folders; ; {
		u.more, u.folders = false, rest
		rest = u.fit(now)
		n += headerSize + len(u.append(nil, now))
		if len(rest) == 0 {
			return n
		}
		u.hasNotes, u.notes = false, nil
	}
}

// BenchmarkFull is a host with 1,000 folders of 10 connections, told to one who
// knows nothing of it.
func BenchmarkFull(b *testing.B) {
	k := newBook("fs1", "dfsd", 1)
	own, _ := trimAll(load(1000, 10), noon)
	k.publish(own, nil, noon)
	n := 0
	for b.Loop() {
		n = wireSize(*k.own().changesSince(stand{}, noon), noon)
	}
	b.ReportMetric(float64(n), "bytes/full")
}

// BenchmarkDelta is the same host when ten of its folders have changed.
func BenchmarkDelta(b *testing.B) {
	k := newBook("fs1", "dfsd", 1)
	own, _ := trimAll(load(1000, 10), noon)
	k.publish(own, nil, noon)
	before := k.own().stand
	changed := load(1000, 10)
	for i := range 10 {
		changed[i*100].Files++
	}
	own, _ = trimAll(changed, noon)
	k.publish(own, nil, noon)
	n := 0
	for b.Loop() {
		n = wireSize(*k.own().changesSince(before, noon), noon)
	}
	b.ReportMetric(float64(n), "bytes/delta")
	b.ReportMetric(float64(headerSize+len(beat{standings: []standing{{host: "fs1.example.com", stand: k.own().stand}}}.append(nil))), "bytes/beat-of-one")
}

// BenchmarkPublish is a status in which nothing has changed.
func BenchmarkPublish(b *testing.B) {
	x := NewExchange(Options{Host: "fs1"})
	folders := load(1000, 10)
	b.ReportAllocs()
	for b.Loop() {
		x.Publish(folders, nil)
	}
}

// BenchmarkApply is reading a full summary.
func BenchmarkApply(b *testing.B) {
	own, _ := trimAll(load(1000, 10), noon)
	u := &update{host: "fs1", stand: stand{1, 1}, folders: own}
	u.fit(noon)
	body := u.append(nil, noon)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		u, err := parseUpdate(body, noon)
		if err != nil {
			b.Fatal(err)
		}
		k := newBook("fs2", "dfsd", 1)
		if _, err := k.apply(u, "fs1", noon); err != nil {
			b.Fatal(err)
		}
	}
}
