// Package chunk cuts content where its bytes say so, names each piece by its
// hash, and works out what one version of a file needs beyond another.
//
// The same bytes give the same chunks wherever they stand in a file, so an
// insertion changes one or two chunks and not all that follow it. Three values
// carry the work:
//
//   - a List names the chunks of one content; two members that cut with the
//     same average get the same List, byte for byte, from the same content;
//   - an outline is a List of the groups of a List, so that two members find
//     the few differing entries of two long lists by sending short ones;
//   - a Recipe builds a target from ranges of a base that the other side holds
//     and from chunks that it must be sent.
//
// The cut points are a format: members that cut differently share nothing.
// They depend on the gear table, the thresholds and the bounds of this package
// alone, and golden tests pin them. Nothing here is secret or keyed.
//
// Hashes are BLAKE3-256: cut to 16 bytes for a chunk, whole for a content. The
// package has no clock, no disk and no state; values are safe to read from
// several goroutines, a Summer belongs to one.
package chunk
