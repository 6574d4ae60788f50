package summary

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// ignored says why a word of a peer was not taken; the label of
// dfsd_replication_summary_ignored_total.
type ignored uint8

const (
	ignoredOwnName ignored = iota
	ignoredUnknown
	ignoredNoMember
	ignoredConnected
	ignoredOld
	ignoredBoot
	ignoreds
)

var ignoredLabels = [ignoreds]string{"own_name", "unknown_host", "no_member", "host_connected", "not_newer", "boot"}

// metrics are the counters of an exchange.
type metrics struct {
	links          prometheus.Gauge
	hosts          prometheus.Gauge
	sent, received [kindUpdate + 1]prometheus.Counter // bytes, by kind
	ignored        [ignoreds]prometheus.Counter
}

// newMetrics registers the metrics of this room; reg may be nil.
func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	m := &metrics{
		links: f.NewGauge(prometheus.GaugeOpts{Name: "dfsd_replication_summary_connections", Help: "Connections that carry status summaries, dialled and accepted."}),
		hosts: f.NewGauge(prometheus.GaugeOpts{Name: "dfsd_replication_summary_hosts", Help: "Hosts of which a status summary is known, this one included."}),
	}
	bytes := f.NewCounterVec(prometheus.CounterOpts{Name: "dfsd_replication_summary_bytes_total", Help: "Bytes of status messages, by message and direction."}, []string{"message", "direction"})
	for k, label := range map[kind]string{kindHello: "hello", kindBeat: "beat", kindUpdate: "update"} {
		m.sent[k] = bytes.WithLabelValues(label, "sent")
		m.received[k] = bytes.WithLabelValues(label, "received")
	}
	ignored := f.NewCounterVec(prometheus.CounterOpts{Name: "dfsd_replication_summary_ignored_total", Help: "Summaries of other hosts that were not taken, by reason."}, []string{"reason"})
	for i, label := range ignoredLabels {
		m.ignored[i] = ignored.WithLabelValues(label)
	}
	return m
}
