//go:build !linux

package journal

import "errors"

var errNotHere = errors.New("not available on this system")

func openSource(Mode, Options) (source, error) { return nil, errNotHere }
