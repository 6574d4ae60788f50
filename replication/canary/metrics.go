package canary

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics are shared by the canaries of all folders of this host.
type Metrics struct {
	convergence, age         *prometheus.GaugeVec
	written, arrived, failed prometheus.Counter
	skewed                   prometheus.Counter
}

// NewMetrics registers the metrics of this room; registry may be nil. They are
// registered once a host, and serve all its folders.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	f := promauto.With(registry)
	way := []string{"group", "folder", "from", "to"}
	results := f.NewCounterVec(prometheus.CounterOpts{
		Name: "dfsd_replication_canaries_total", Help: "Canaries that were written by this host, that arrived from others, and that could not be written or read.",
	}, []string{"result"})
	return &Metrics{
		convergence: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "dfsd_replication_convergence_seconds", Help: "How long the last canary took from its writing to its arrival, by the clocks of the two hosts.",
		}, way),
		age: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "dfsd_replication_canary_age_seconds", Help: "Time since the newest canary that arrived was written: what would be lost if the writer were.",
		}, way),
		written: results.WithLabelValues("written"),
		arrived: results.WithLabelValues("arrived"),
		failed:  results.WithLabelValues("failed"),
		skewed: f.NewCounter(prometheus.CounterOpts{
			Name: "dfsd_replication_canaries_skewed_total", Help: "Canaries that arrived, by this host's clock, before they were written by the writer's; their delay counts as 0.",
		}),
	}
}
