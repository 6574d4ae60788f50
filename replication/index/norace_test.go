//go:build !race

package index

// underRace tells that the race detector watches.
const underRace = false
