package targets

import (
	"testing"
	"time"

	"dfsd/replication/status"
)

// TestRelayed: what has come by way of a third member is not lacking, whatever
// one that cannot know says.
func TestRelayed(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name      string
		toThird   int64
		fromThird int64
		connected bool
		want      int64
	}{
		{"whole", 0, 0, false, 0},
		{"the third lacks some", 1, 0, false, 5},
		{"some is on its way", 0, 1, false, 5},
		{"who is connected knows", 0, 0, true, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &fakeReplicas{}
			r.say("fs1", now, status.Normal, status.Connection{To: "fs2", BacklogFiles: 5}, status.Connection{To: "fs3", BacklogFiles: tt.toThird})
			r.say("fs3", now, status.Normal, status.Connection{To: "fs2", BacklogFiles: tt.fromThird})
			if !tt.connected {
				r.hosts[0].Folders[0].Connections[0].State = status.Connecting
			}
			words := gather(r.Hosts(), now)["branch/projects"].about["fs2"]
			for _, w := range words {
				if w.By == "fs1" && w.Files != tt.want {
					t.Errorf("fs1 says %d files, want %d", w.Files, tt.want)
				}
			}
		})
	}
}

func TestLacks(t *testing.T) {
	now := time.Now()
	spoke := func(files int64) *fakeReplicas {
		r := &fakeReplicas{}
		r.say("fs1", now, status.Normal, status.Connection{To: "hub", BacklogFiles: files})
		r.say("hub", now, status.Normal, status.Connection{To: "fs1"}, status.Connection{To: "fs2"}, status.Connection{To: "fs3", BacklogFiles: 4})
		r.say("old", now.Add(-time.Minute), status.Normal, status.Connection{To: "fs2"})
		return r
	}
	cut := func(files int64) *fakeReplicas { // the way from fs1 to fs2
		r := spoke(files)
		f := &r.hosts[0].Folders[0]
		f.Connections = append(f.Connections, status.Connection{From: "fs1", To: "fs2", State: status.Connecting, BacklogFiles: 5})
		return r
	}
	for _, tt := range []struct {
		name, from, to string
		files          int64
		known          bool
		in             *fakeReplicas
	}{
		{"itself", "fs1", "FS1.", 0, true, spoke(0)},
		{"directly", "fs1", "hub", 7, true, spoke(7)},
		{"through the hub", "fs1", "fs2", 0, true, spoke(0)},
		{"the hub lacks some", "fs1", "fs2", 2, true, spoke(2)},
		{"the other lacks some of the hub's", "fs1", "fs3", 4, true, spoke(0)},
		{"cut off, through the hub", "fs1", "fs2", 0, true, cut(0)},
		{"cut off, and the hub lacks some", "fs1", "fs2", 5, true, cut(2)},
		{"never heard of", "fs1", "fs9", 0, false, spoke(0)},
		{"who was never heard", "fs9", "fs1", 0, false, spoke(0)},
		{"an old word", "old", "fs2", 0, false, spoke(0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			words := gather(tt.in.Hosts(), now)["branch/projects"]
			if files, _, known := words.lacks(tt.from, tt.to); files != tt.files || known != tt.known {
				t.Errorf("lacks = %d, %v; want %d, %v", files, known, tt.files, tt.known)
			}
		})
	}
}
