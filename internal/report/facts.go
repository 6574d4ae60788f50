package report

import (
	"time"

	"dfsd/replication/status"
)

// Facts is all that one daemon knows of the deployment at one moment, as
// GET /v1/health of the admin API answers it. Whoever made it owns it; nothing
// here changes it. A time that is not known is the zero time, and every age is
// as of At.
type Facts struct {
	At      time.Time `json:"at"`
	Host    string    `json:"host"`
	Version string    `json:"version"`
	Started time.Time `json:"started,omitzero"`
	// Listening are the addresses at which clients and members are taken in, as
	// the configuration at the start has them.
	Listening  []string         `json:"listening,omitempty"`
	Config     ConfigFacts      `json:"config"`
	Directory  DirectoryFacts   `json:"directory"`
	Clients    ClientFacts      `json:"clients"`
	Namespaces []NamespaceFacts `json:"namespaces"`
	Isolated   *IsolatedFacts   `json:"isolated,omitempty"` // nil while some probe succeeds
	// Unresolved are targets' hosts whose addresses are not found, and why.
	Unresolved map[string]string `json:"unresolved,omitempty"`
	Decisions  []DecisionFacts   `json:"decisions"`
	// Outsider is a host that is neither a member nor an observer, so that no
	// member tells it anything, and Members is empty.
	Outsider bool          `json:"outsider,omitempty"`
	Members  []MemberFacts `json:"members"`
	// Events are the latest, the newest first, at most 200.
	Events []EventFacts `json:"events"`
}

// ConfigFacts is the configuration in force.
type ConfigFacts struct {
	File   string    `json:"file"`
	Digest string    `json:"digest"` // SHA-256 of the file's bytes, in hex
	Loaded time.Time `json:"loaded,omitzero"`
	// LastError is why the latest reload was refused; empty when the file in
	// force is the latest.
	LastError string `json:"last_error,omitempty"`
	// RestartNeeded names the sections of which something counts from the next
	// start only.
	RestartNeeded []string `json:"restart_needed,omitempty"`
}

// DirectoryFacts is where sites and subnets come from.
type DirectoryFacts struct {
	Configured bool      `json:"configured"`       // sites are read by LDAP
	Server     string    `json:"server,omitempty"` // that was asked last
	At         time.Time `json:"at,omitzero"`      // of the topology in force; zero: never read
	AgeSeconds float64   `json:"age_seconds"`      // of the topology in force
	// Error is why the latest reading failed; empty when it did not.
	Error    string   `json:"error,omitempty"`
	Sites    int      `json:"sites"`
	Subnets  int      `json:"subnets"`
	Links    int      `json:"links"`
	Warnings []string `json:"warnings,omitempty"` // what is odd in the topology
}

// ClientFacts counts clients since the start of the daemon.
type ClientFacts struct {
	Referrals   uint64 `json:"referrals"`
	WithoutSite uint64 `json:"without_site"` // of them, those to clients in no known site
	// Sample holds some of the networks that those clients came from.
	Sample []Unmapped `json:"sample,omitempty"`
	// ByDefault counts those to clients that are in no subnet and were taken to
	// be at DefaultSite. They have a site, and are not among WithoutSite.
	ByDefault uint64 `json:"by_default"`
	// DefaultSite is sites.default now; empty: none.
	DefaultSite string `json:"default_site,omitempty"`
	// DefaultSample holds some of the networks that those came from.
	DefaultSample []Unmapped `json:"default_sample,omitempty"`
	Sessions      int        `json:"sessions"`    // now
	Connections   int        `json:"connections"` // now
}

// Unmapped is a network of clients that is in no subnet.
type Unmapped struct {
	Network string    `json:"network"` // as a prefix, such as 10.9.3.0/24
	Last    time.Time `json:"last,omitzero"`
	Count   uint64    `json:"count"` // of referrals
}

// NamespaceFacts is one namespace.
type NamespaceFacts struct {
	Name       string        `json:"name"`
	Type       string        `json:"type"`  // standalone|domain
	State      string        `json:"state"` // online|offline
	TTLSeconds int           `json:"ttl_seconds"`
	Folders    []FolderFacts `json:"folders"`
}

// FolderFacts is one folder with targets.
type FolderFacts struct {
	Path       string `json:"path"`                 // within the namespace
	State      string `json:"state"`                // online|offline
	Replicates string `json:"replicates,omitempty"` // GROUP/FOLDER behind the targets
	TTLSeconds int    `json:"ttl_seconds"`          // as configured
	// EffectiveTTLSeconds is what clients are told now: less while a target of
	// the folder changes or is not well.
	EffectiveTTLSeconds int           `json:"effective_ttl_seconds"`
	MaxLagSeconds       float64       `json:"max_lag_seconds,omitempty"` // the gate; 0: none
	Targets             []TargetFacts `json:"targets"`
}

// The states of a target, the better first.
const (
	TargetUp      = "up"
	TargetLagging = "lagging" // further behind than its gate allows
	TargetDown    = "down"    // it fails its probes
	TargetDrained = "drained" // taken out of referrals once others hold everything
	TargetOffline = "offline" // taken out of referrals
)

// TargetFacts is one target of a folder.
type TargetFacts struct {
	Path         string    `json:"path"` // UNC
	Host         string    `json:"host"`
	Site         string    `json:"site"`
	State        string    `json:"state"` // up|lagging|down|drained|offline
	Reason       string    `json:"reason,omitempty"`
	Since        time.Time `json:"since,omitzero"` // of the state
	Probed       bool      `json:"probed"`
	LastProbe    time.Time `json:"last_probe,omitzero"`
	ProbeSeconds float64   `json:"probe_seconds,omitempty"` // how long the latest probe took
	ProbeError   string    `json:"probe_error,omitempty"`   // of the latest probe
}

// IsolatedFacts says that all probes fail, so that the fault is most likely
// this host's own network.
type IsolatedFacts struct {
	Since time.Time `json:"since,omitzero"`
}

// DecisionFacts is what an administrator decided about a target.
type DecisionFacts struct {
	Kind string `json:"kind"` // drain|offline|online
	// Scope is the DFS path that it holds for, under any name of the server (*).
	// A decision about all targets of a host has the host for its Target, and
	// any Scope; or no Target, and the host for its Scope.
	Scope  string    `json:"scope"`
	Target string    `json:"target"` // UNC, or a host
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Until  time.Time `json:"until,omitzero"` // zero: until it is taken back
	Phase  string    `json:"phase,omitempty"`
	// WaitingFor names what a drain still waits for; empty when it waits no more.
	WaitingFor []string `json:"waiting_for,omitempty"`
}

// MemberFacts is one replication member and its latest word.
type MemberFacts struct {
	Host     string `json:"host"`
	Self     bool   `json:"self,omitempty"` // the host that made the Facts
	Software string `json:"software,omitempty"`
	// HeardSeconds is the age of the member's latest word; -1: never heard.
	HeardSeconds float64         `json:"heard_seconds"`
	Via          string          `json:"via,omitempty"`   // the member that passed it on
	Error        string          `json:"error,omitempty"` // of the latest attempt to hear it
	Folders      []status.Folder `json:"folders"`
}

// EventFacts is one thing that happened.
type EventFacts struct {
	At    time.Time `json:"at"`
	ID    string    `json:"id"` // DFSD-…
	Level string    `json:"level"`
	Text  string    `json:"text"`
}
