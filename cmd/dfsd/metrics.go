package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are those of the daemon as a whole; rooms register their own.
type metrics struct {
	reloadOK   prometheus.Gauge
	reloadTime prometheus.Gauge
	namespaces prometheus.Gauge
	folders    prometheus.Gauge
	sites      prometheus.Gauge
	subnets    prometheus.Gauge
}

func newMetrics(reg *prometheus.Registry) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		reg.MustRegister(g)
		return g
	}
	b := thisBuild()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "dfsd_build_info", Help: "What this daemon was built from; always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "go": b.Go},
	})
	info.Set(1)
	reg.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &metrics{
		reloadOK:   gauge("dfsd_config_last_reload_successful", "Whether the newest configuration is in force."),
		reloadTime: gauge("dfsd_config_last_reload_success_timestamp_seconds", "When the configuration in force was read."),
		namespaces: gauge("dfsd_namespaces", "Namespaces served."),
		folders:    gauge("dfsd_namespace_folders", "Folders with targets in all namespaces."),
		sites:      gauge("dfsd_sites", "Sites known."),
		subnets:    gauge("dfsd_subnets", "Subnets known."),
	}
}

// loaded records a state that has come in force.
func (m *metrics) loaded(s *state) {
	m.reloadOK.Set(1)
	m.reloadTime.SetToCurrentTime()
	roots, folders := s.view.Namespaces().Roots(), 0
	for _, root := range roots {
		folders += root.NumLinks()
	}
	m.namespaces.Set(float64(len(roots)))
	m.folders.Set(float64(folders))
	m.sites.Set(float64(len(s.view.Topology().Sites())))
	m.subnets.Set(float64(len(s.view.Topology().Subnets())))
}

// reloaded records how a reload ended.
func (m *metrics) reloaded(err error) {
	if err != nil {
		m.reloadOK.Set(0)
	}
}

func (d *daemon) metricsHandler() http.Handler {
	return promhttp.HandlerFor(d.registry, promhttp.HandlerOpts{})
}
