//go:build race

package index

// underRace tells that the race detector watches, which makes hashing and
// searching ten times slower: the long tests then do a part.
const underRace = true
