package engine

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dfsd/replication/status"
)

// collector shows what Status says as metrics, when it is asked.
type collector struct{ e *Engine }

var (
	folderLabels = []string{"group", "folder"}
	wayLabels    = []string{"group", "folder", "from", "to"}

	foldersDesc  = prometheus.NewDesc("dfsd_replication_folders", "Replicated folders of this host by their state.", []string{"state"}, nil)
	filesDesc    = prometheus.NewDesc("dfsd_replication_backlog_files", "Files that the member to lacks of what the member from holds.", wayLabels, nil)
	bytesDesc    = prometheus.NewDesc("dfsd_replication_backlog_bytes", "Content that the member to lacks of what the member from holds.", wayLabels, nil)
	oldestDesc   = prometheus.NewDesc("dfsd_replication_backlog_oldest_seconds", "Age of the oldest change in the backlog; 0: nothing is owed.", wayLabels, nil)
	linkDesc     = prometheus.NewDesc("dfsd_replication_connection_up", "Whether two members are connected in a folder.", wayLabels, nil)
	keptDesc     = prometheus.NewDesc("dfsd_replication_preserved_bytes", "What the preserved store of a folder holds.", folderLabels, nil)
	quotaDesc    = prometheus.NewDesc("dfsd_replication_preserved_quota_bytes", "What the preserved store of a folder may hold; 0: no bound.", folderLabels, nil)
	unreadDesc   = prometheus.NewDesc("dfsd_replication_unread_files", "Paths of a folder that cannot be read now.", folderLabels, nil)
	folderStates = []status.State{status.InitialSync, status.Normal, status.Paused, status.Recovering, status.Failed}
)

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{foldersDesc, filesDesc, bytesDesc, oldestDesc, linkDesc, keptDesc, quotaDesc, unreadDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	states := map[status.State]int{}
	now := time.Now()
	for _, f := range c.e.folders() {
		s := f.status(now)
		states[s.State]++
		gauge(keptDesc, float64(s.Preserved.Bytes), s.Group, s.Folder)
		gauge(quotaDesc, float64(s.Preserved.Quota), s.Group, s.Folder)
		gauge(unreadDesc, float64(s.UnreadFiles), s.Group, s.Folder)
		for _, w := range s.Connections {
			up := 0.
			if w.State == status.Connected {
				up = 1
			}
			gauge(filesDesc, float64(w.BacklogFiles), s.Group, s.Folder, w.From, w.To)
			gauge(bytesDesc, float64(w.BacklogBytes), s.Group, s.Folder, w.From, w.To)
			gauge(oldestDesc, w.OldestSeconds, s.Group, s.Folder, w.From, w.To)
			gauge(linkDesc, up, s.Group, s.Folder, w.From, w.To)
		}
	}
	for _, state := range folderStates {
		gauge(foldersDesc, float64(states[state]), string(state))
	}
}
