package peer

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"dfsd/replication/wire"
)

// Metrics are the counters of all sessions of this host. The series are made
// once, so that counting does no label look-up.
type Metrics struct {
	sessions prometheus.Gauge
	unproven prometheus.Gauge
	statuses prometheus.Gauge
	begun    prometheus.Counter
	refused  [reasons]prometheus.Counter
	sent     [wire.Lanes + 1]prometheus.Counter // the last: statusLane
	received [wire.Lanes + 1]prometheus.Counter
}

// statusLane stands in the metrics for the connections that are no lane of a
// session.
const statusLane = wire.Lanes

// reason says why a connection was turned away; the label of
// dfsd_replication_connections_refused_total.
type reason uint8

const (
	refusedUnproven reason = iota
	refusedPerAddress
	refusedTLS
	refusedKey
	refusedHello
	refusedVersion
	refusedJoin
	refusedSessions
	refusedAssembly
	refusedStatus
	reasons
)

var reasonLabels = [reasons]string{"unproven", "unproven_per_address", "tls", "key", "hello", "version", "join", "sessions", "assembly", "status_connections"}

// NewMetrics registers the metrics of this room; reg may be nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	f := promauto.With(reg)
	m := &Metrics{
		sessions: f.NewGauge(prometheus.GaugeOpts{Name: "dfsd_replication_sessions", Help: "Sessions with partners."}),
		unproven: f.NewGauge(prometheus.GaugeOpts{Name: "dfsd_replication_connections_unproven", Help: "Connections in their handshakes."}),
		statuses: f.NewGauge(prometheus.GaugeOpts{Name: "dfsd_replication_status_connections", Help: "Accepted connections that carry status summaries."}),
		begun:    f.NewCounter(prometheus.CounterOpts{Name: "dfsd_replication_sessions_total", Help: "Sessions with partners that began."}),
	}
	refused := f.NewCounterVec(prometheus.CounterOpts{Name: "dfsd_replication_connections_refused_total", Help: "Connections turned away, by reason."}, []string{"reason"})
	for i, label := range reasonLabels {
		m.refused[i] = refused.WithLabelValues(label)
	}
	bytes := f.NewCounterVec(prometheus.CounterOpts{Name: "dfsd_replication_lane_bytes_total", Help: "Bytes on the wire, TLS included."}, []string{"lane", "direction"})
	for l := range wire.Lanes {
		m.sent[l] = bytes.WithLabelValues(l.String(), "sent")
		m.received[l] = bytes.WithLabelValues(l.String(), "received")
	}
	m.sent[statusLane] = bytes.WithLabelValues("status", "sent")
	m.received[statusLane] = bytes.WithLabelValues("status", "received")
	return m
}
