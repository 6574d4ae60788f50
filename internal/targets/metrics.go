package targets

import (
	"github.com/prometheus/client_golang/prometheus"

	"dfsd/referral"
)

type metrics struct {
	states [referral.Offline + 1]prometheus.Gauge
	drains prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{drains: prometheus.NewGauge(prometheus.GaugeOpts{Name: "dfsd_drains_running", Help: "Drains that are not finished."})}
	states := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "dfsd_target_states", Help: "Targets by the state that referrals take them to be in."}, []string{"state"})
	for s := range m.states {
		m.states[s] = states.WithLabelValues(referral.State(s).String())
	}
	if registry != nil {
		registry.MustRegister(states, m.drains)
	}
	return m
}

func (m *metrics) count(j *judgement) {
	for s, n := range j.counts {
		m.states[s].Set(float64(n))
	}
}
