package smbd

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"dfsd/internal/smb2"
)

// Metrics are the counters of one server, or of several that share them. The
// series are made once, so that counting does no label look-up.
type Metrics struct {
	connections prometheus.Gauge
	accepted    prometheus.Counter
	refused     prometheus.Counter
	sessions    prometheus.Gauge
	opens       prometheus.Gauge
	parked      prometheus.Gauge
	panics      prometheus.Counter
	auth        *prometheus.CounterVec
	requests    [commandCount][statusClasses]prometheus.Counter
	rejected    [reasonCount]prometheus.Counter
	malformed   [stageCount]prometheus.Counter

	referrals        [kindCount][levelCount][outcomeCount]prometheus.Counter
	referralDuration prometheus.Histogram
	referralsCut     prometheus.Counter
	siteMatches      [siteMatchCount]prometheus.Counter
}

// reason says which limit or policy refused a peer; the label of
// dfsd_smb_rejected_total.
type reason uint8

const (
	rejectConnections reason = iota
	rejectConnectionsPerAddress
	rejectUnauthenticated
	rejectUnauthenticatedPerAddress
	rejectAuthenticateTimeout
	rejectIdle
	rejectFrameTimeout
	rejectWriteTimeout
	rejectFrame
	rejectSessions
	rejectSessionsInProgress
	rejectTrees
	rejectOpens
	rejectOpensPerConnection
	rejectParked
	rejectCompound
	rejectWindow
	rejectDialect
	rejectUnsigned
	rejectSignature
	rejectUnencrypted
	rejectGuest
	rejectValidateNegotiate
	reasonCount
)

var reasonLabels = [reasonCount]string{
	"connections", "connections_per_address", "unauthenticated", "unauthenticated_per_address",
	"authenticate_timeout", "idle", "frame_timeout", "write_timeout", "frame",
	"sessions", "sessions_in_progress", "trees", "opens", "opens_per_connection", "parked", "compound", "window",
	"dialect", "unsigned", "signature", "unencrypted", "guest", "validate_negotiate",
}

// stage says how far a malformed message had come; the label of
// dfsd_smb_malformed_total.
type stage uint8

const (
	stageFrame stage = iota
	stageTransform
	stageHeader
	stageCompound
	stageBody
	stageToken
	stageReferral
	stageCount
)

var stageLabels = [stageCount]string{"frame", "transform", "header", "compound", "body", "token", "referral"}

// outcome is the result label of dfsd_referral_requests_total.
type outcome uint8

const (
	outcomeOK outcome = iota
	outcomeEmpty
	outcomeNotFound
	outcomeInvalid
	outcomeUnavailable
	outcomeOverflow
	outcomeError
	outcomeCount
)

var outcomeLabels = [outcomeCount]string{"ok", "empty", "not_found", "invalid", "unavailable", "overflow", "error"}

// kind is the shape of a referral request; the label of the same name.
type kind uint8

const (
	kindUnknown kind = iota
	kindDomain
	kindDC
	kindRoot
	kindLink
	kindInterlink
	kindCount
)

var kindLabels = [kindCount]string{"unknown", "domain", "dc", "root", "link", "interlink"}

// levelCount bounds the level label: 0 for a level that is not defined, then
// 1 to 4.
const levelCount = 5

var levelLabels = [levelCount]string{"0", "1", "2", "3", "4"}

// siteMatch is the result label of dfsd_referral_site_match_total.
type siteMatch uint8

const (
	siteSame siteMatch = iota
	siteCosted
	siteDefault
	siteUnmapped
	siteMatchCount
)

var siteMatchLabels = [siteMatchCount]string{"same_site", "costed", "default", "unmapped"}

// commandCount is one more than the last command that is served.
const commandCount = smb2.MaxCommand + 1

var commandLabels = [commandCount]string{
	"negotiate", "session_setup", "logoff", "tree_connect", "tree_disconnect", "create", "close", "flush",
	"read", "write", "lock", "ioctl", "cancel", "echo", "query_directory", "change_notify", "query_info",
	"set_info", "oplock_break",
}

// statusClasses counts the severities of an NTSTATUS, its two highest bits.
const statusClasses = 4

var statusClassLabels = [statusClasses]string{"success", "informational", "warning", "error"}

// NewMetrics makes the series and registers them with reg. A nil reg leaves
// them unregistered.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	f := promauto.With(reg)
	connectionsTotal := newCounters(f, "dfsd_smb_connections_total", "Connections by whether they were let in.", "result")
	m := &Metrics{
		connections: newGauge(f, "dfsd_smb_connections", "Connections open now."),
		accepted:    connectionsTotal.WithLabelValues("accepted"),
		refused:     connectionsTotal.WithLabelValues("refused"),
		sessions:    newGauge(f, "dfsd_smb_sessions", "Authenticated sessions open now."),
		opens:       newGauge(f, "dfsd_smb_opens", "Files, folders and pipes open now."),
		parked:      newGauge(f, "dfsd_smb_parked_requests", "Requests that wait for an event."),
		panics:      newCounter(f, "dfsd_smb_panics_total", "Connections ended by a fault of the server itself."),
		auth:        newCounters(f, "dfsd_smb_auth_total", "Ended log-ons by mechanism and result.", "mech", "result"),
		referralDuration: f.NewHistogram(prometheus.HistogramOpts{
			Name:    "dfsd_referral_duration_seconds",
			Help:    "Time to answer a referral request, from its parsed header to its encoded answer.",
			Buckets: prometheus.ExponentialBuckets(1e-6, 4, 10),
		}),
		referralsCut: newCounter(f, "dfsd_referral_truncated_total", "Referrals cut to the client's buffer."),
	}
	m.makeSMBSeries(f)
	m.makeReferralSeries(f)
	return m
}

func (m *Metrics) makeSMBSeries(f promauto.Factory) {
	requests := newCounters(f, "dfsd_smb_requests_total", "Requests by command and severity of the answer.", "command", "status_class")
	for c, command := range commandLabels {
		for s, class := range statusClassLabels {
			m.requests[c][s] = requests.WithLabelValues(command, class)
		}
	}
	fill(m.rejected[:], newCounters(f, "dfsd_smb_rejected_total", "Peers and requests refused by a limit or a policy.", "reason"), reasonLabels[:])
	fill(m.malformed[:], newCounters(f, "dfsd_smb_malformed_total", "Malformed messages by how far they came.", "stage"), stageLabels[:])
}

func (m *Metrics) makeReferralSeries(f promauto.Factory) {
	referrals := newCounters(f, "dfsd_referral_requests_total", "Referral requests by kind, level and result.", "kind", "level", "result")
	for k, kind := range kindLabels {
		for l, level := range levelLabels {
			for o, result := range outcomeLabels {
				m.referrals[k][l][o] = referrals.WithLabelValues(kind, level, result)
			}
		}
	}
	fill(m.siteMatches[:], newCounters(f, "dfsd_referral_site_match_total", "Referrals by how the client's site was met.", "result"), siteMatchLabels[:])
}

// countRequest counts a request by its answer.
func (m *Metrics) countRequest(command smb2.Command, status smb2.Status) {
	class := status >> 30
	if status.IsError() {
		class = statusClasses - 1
	}
	m.requests[command][class].Inc()
}

func fill(counters []prometheus.Counter, vec *prometheus.CounterVec, labels []string) {
	for i, label := range labels {
		counters[i] = vec.WithLabelValues(label)
	}
}

func newGauge(f promauto.Factory, name, help string) prometheus.Gauge {
	return f.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

func newCounter(f promauto.Factory, name, help string) prometheus.Counter {
	return f.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func newCounters(f promauto.Factory, name, help string, labels ...string) *prometheus.CounterVec {
	return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}
