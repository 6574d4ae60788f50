package main

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"dfsd/configs"
	"dfsd/internal/admin"
	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/sites"
)

// state is what one reading of the configuration gave. It is immutable and
// replaced as a whole.
type state struct {
	config *configs.File
	view   *referral.View
	about  admin.Configuration
}

// readState reads, validates and builds; it changes nothing that runs.
func readState(from *fileFlags, build func(*configs.File) (*referral.View, error)) (*state, error) {
	file, err := from.load()
	if err != nil {
		return nil, err
	}
	if err := refuseUnserved(file, from.path()); err != nil {
		return nil, err
	}
	view, err := build(file)
	if err != nil {
		return nil, err
	}
	return &state{config: file, view: view, about: admin.Configuration{
		File: from.path(), Host: file.Host, Digest: file.Digest(), Loaded: time.Now().UTC().Format(time.RFC3339),
	}}, nil
}

// viewOfFile is the view of a file with nothing learnt besides.
func viewOfFile(file *configs.File) (*referral.View, error) {
	return newView(file, world{}, zap.NewNop())
}

// newView builds the picture of namespaces and sites that a file describes, with
// what was learnt besides.
func newView(file *configs.File, w world, log *zap.Logger) (*referral.View, error) {
	o := referral.ViewOptions{HostAddrs: w.addrs}
	if file.Sites != nil {
		o.DefaultSite = file.Sites.Default
	}
	merged, left := mergedSites(file, w.reading)
	for _, what := range left {
		log.Warn("left out of the sites, because the directory does not know it", zap.String("what", what))
	}
	topology, err := sites.New(merged)
	if err != nil {
		return nil, fmt.Errorf("build sites: %w", err)
	}
	snapshot, err := namespace.New(file.Namespaces)
	if err != nil {
		return nil, fmt.Errorf("build namespaces: %w", err)
	}
	return referral.NewView(snapshot, topology, o), nil
}
