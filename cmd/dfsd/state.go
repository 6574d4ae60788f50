package main

import (
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"dfsd/configs"
	"dfsd/internal/admin"
	"dfsd/internal/event"
	"dfsd/internal/targets"
	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/sites"
)

// state is what one reading of the configuration gave, and what was learnt
// besides. It is immutable and replaced as a whole.
type state struct {
	config     *configs.File
	namespaces *namespace.Snapshot
	view       *referral.View  // nil until seen
	targets    *targets.Source // what tells the view of its targets' states; nil: all are up
	about      admin.Configuration
	left       []string // of the configuration's sites, because the directory does not know them
}

// readState reads, validates and builds the namespaces, which a daemon then
// sees in its world; it changes nothing that runs.
func readState(from *fileFlags) (*state, error) {
	file, err := from.load()
	if err != nil {
		return nil, err
	}
	if err := refuseUnserved(file, from.path()); err != nil {
		return nil, err
	}
	s, err := newState(file)
	if err != nil {
		return nil, err
	}
	s.about = admin.Configuration{
		File: from.path(), Host: file.Host, Digest: file.Digest(), Loaded: time.Now().UTC().Format(time.RFC3339),
	}
	return s, nil
}

func newState(file *configs.File) (*state, error) {
	snapshot, err := namespace.New(file.Namespaces)
	if err != nil {
		return nil, fmt.Errorf("build namespaces: %w", err)
	}
	return &state{config: file, namespaces: snapshot}, nil
}

// seen returns s with the view of its namespaces and sites, and of what was
// learnt besides.
func (s *state) seen(w world, log *zap.Logger) (*state, error) {
	o := referral.ViewOptions{HostAddrs: w.addrs, ServerAddrs: w.own, OnlySite: w.reading != nil}
	if w.targets != nil {
		o.States = w.targets
	}
	if s.config.Sites != nil {
		o.DefaultSite = s.config.Sites.Default
	}
	merged, left := mergedSites(s.config, w.reading)
	if !slices.Equal(left, w.left) { // each change is told once, not at every look
		for _, what := range left {
			log.Warn("left out of the sites, because the directory does not know it", event.LeftOut.Field(), zap.String("what", what))
		}
	}
	topology, err := sites.New(merged)
	if err != nil {
		return nil, fmt.Errorf("build sites: %w", err)
	}
	next := *s
	next.targets, next.left = w.targets, left
	next.view = referral.NewView(s.namespaces, topology, o)
	return &next, nil
}

// picture is what commands are shown of s.
func (s *state) picture() admin.Picture {
	from := admin.Sources{Directory: ldapOf(s.config) != nil}
	if s.config.Sites != nil {
		from.Static = s.config.Sites.Static
	}
	return admin.NewPicture(s.view, from)
}
