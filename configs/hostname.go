package configs

import (
	"context"
	"net"
	"os"
	"strings"
	"time"
)

// nameTimeout bounds the wait for a resolver that does not answer.
const nameTimeout = 2 * time.Second

// fullName returns the name of this machine with its domain. Where the
// operating system knows only a short one, /etc/hosts and DNS are asked; where
// they do not know either, the short one stands.
func fullName() (string, error) {
	name, err := os.Hostname()
	if err != nil || strings.Contains(name, ".") {
		return name, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), nameTimeout)
	defer cancel()
	full, err := net.DefaultResolver.LookupCNAME(ctx, name)
	full = strings.TrimSuffix(full, ".")
	if err != nil || !strings.HasPrefix(strings.ToLower(full), strings.ToLower(name)+".") {
		return name, nil
	}
	return full, nil
}
