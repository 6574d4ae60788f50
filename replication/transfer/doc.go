// Package transfer brings contents that a member wants into its staging
// directory, from what it holds itself and from its partners, and answers the
// partners' questions for contents.
//
// Small files travel in packs, many to a question; large ones as pieces written
// where they belong, or as a recipe from a version or a similar file that is
// there already. Nothing is delivered whose BLAKE3 is not the one wanted.
//
// A large content on its way is a temporary named by its hash. A second file
// beside it marks how far it was hashed, so that a transfer that was cut goes on
// there after a loss of at most 64 MiB, with any partner, in any later process.
//
// A [Server] starts nothing. A [Fetcher] works within Run alone.
package transfer
