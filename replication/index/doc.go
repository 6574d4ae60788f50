// Package index keeps, durably, what one member knows of one replicated folder:
// an entry for each object, what the disk looked like when it was read, what
// everybody knows, and chunk lists.
//
// It has one writer, the Store, which is the reconcile.Store of the folder: what
// it was told since the last Commit becomes one transaction, on stable storage
// when Commit returns; a crash leaves all of it or nothing. Everybody else reads
// what was committed, through the Reader of the live index or of a Snapshot.
// Memory is the cache that Options name, a few write buffers, a bounded cache of
// entries for the writer and what it has not committed, whatever the number of
// files.
//
// The index is a cache of the truth on disk. Whatever is lost or damaged is
// reported as ErrCorrupt and never guessed at; the index then condemns itself,
// and the next Open puts it aside and starts an empty one, to be filled by a
// scan and a reconciliation under a new origin. A corrupt index therefore costs
// time, not data.
//
// # Layout
//
// A key is one letter and fixed-width fields, big-endian, but for names, which
// end a key. So a table is a range, and its order is the order in which it is
// read:
//
//	m name                       identity, clean-shutdown flag, Meta of the core, totals
//	e file                       entry, see entry.go
//	c parent name                the files that stand there, ascending
//	b parent file                empty: files that belong there and stand elsewhere
//	s origin count file          size, clock: stamps on disk, for "what do you lack"
//	h hash[:16] file             empty: files with a content
//	w file                       empty: the work list
//	x file                       empty: foreign files
//	f file                       facts
//	i dev inode                  files, ascending: all whose facts name it, perhaps others
//	p peer                       state of a peer
//	k grain hash                 sequence, chunk list
//	a grain sequence             hash, length, traits: chunk lists by age
//	t position trait sequence    hash: coarse chunk lists by trait
//
// A value that is not empty is one byte of format, the payload, and the CRC-32C
// of key, format and payload, so that a value that strayed to another key is
// noticed too. The tables c, b, s, h, w and x are derived from e, the table i
// from f, and a and t go with k, all in the same transaction; the totals are
// carried along.
package index
