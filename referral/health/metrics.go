package health

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are the counters of one Monitor. The series are made once, so that
// counting does no label look-up; none names a host or a path.
type metrics struct {
	good, failed prometheus.Counter
	duration     prometheus.Histogram
	targets      [states]prometheus.Gauge
	isolated     prometheus.Gauge
}

// newMetrics registers the metrics; reg may be nil.
func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	probes := f.NewCounterVec(prometheus.CounterOpts{
		Name: "dfsd_target_probes_total", Help: "Probes of DFS targets; a target that its host does not answer for has failed.",
	}, []string{"result"})
	targets := f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "dfsd_targets", Help: "DFS targets that are probed, by what the probes say.",
	}, []string{"state"})
	m := &metrics{
		good:   probes.WithLabelValues("good"),
		failed: probes.WithLabelValues("failed"),
		duration: f.NewHistogram(prometheus.HistogramOpts{
			Name: "dfsd_target_probe_duration_seconds", Help: "How long the probe of one file server took, with all its targets.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}),
		isolated: f.NewGauge(prometheus.GaugeOpts{
			Name: "dfsd_targets_isolated", Help: "1 while no file server that is probed answers, so that our own network is in doubt.",
		}),
	}
	for s := range states {
		m.targets[s] = targets.WithLabelValues(s.String())
	}
	return m
}

// count counts the probe of one target.
func (m *metrics) count(failed bool) {
	if failed {
		m.failed.Inc()
		return
	}
	m.good.Inc()
}

func (m *metrics) took(d time.Duration) { m.duration.Observe(d.Seconds()) }

func (m *metrics) show(counts [states]int) {
	for s, n := range counts {
		m.targets[s].Set(float64(n))
	}
}
