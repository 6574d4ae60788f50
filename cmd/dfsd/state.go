package main

import (
	"fmt"
	"time"

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
func readState(from *fileFlags) (*state, error) {
	file, err := from.load()
	if err != nil {
		return nil, err
	}
	if err := refuseUnserved(file, from.path()); err != nil {
		return nil, err
	}
	view, err := newView(file)
	if err != nil {
		return nil, err
	}
	return &state{config: file, view: view, about: admin.Configuration{
		File: from.path(), Host: file.Host, Digest: file.Digest(), Loaded: time.Now().UTC().Format(time.RFC3339),
	}}, nil
}

// newView builds the picture of namespaces and sites that a file describes.
func newView(file *configs.File) (*referral.View, error) {
	var static sites.Config
	var o referral.ViewOptions
	if file.Sites != nil {
		o.DefaultSite = file.Sites.Default
		if file.Sites.Static != nil {
			static = *file.Sites.Static
		}
	}
	topology, err := sites.New(static)
	if err != nil {
		return nil, fmt.Errorf("build sites: %w", err)
	}
	snapshot, err := namespace.New(file.Namespaces)
	if err != nil {
		return nil, fmt.Errorf("build namespaces: %w", err)
	}
	return referral.NewView(snapshot, topology, o), nil
}
