// Package index keeps, durably, what one member knows of one replicated folder:
// a record for each file, what the disk looked like when the record was made,
// what is wanted from others, what everybody knows, and chunk lists.
//
// Every change goes through Apply, as one transaction that is on stable storage
// when Apply returns; a crash leaves all of it or nothing. Reads are grouped by
// noun in a Reader, of the live index or of a Snapshot. Memory is the cache that
// Options name and a few write buffers, whatever the number of files.
//
// The index is a cache of the truth on disk. Whatever is lost or damaged is
// reported as ErrCorrupt and never guessed at; the index then condemns itself,
// and the next Open puts it aside and starts an empty one with a new Origin, to
// be filled by a scan and a reconciliation. A corrupt index therefore costs
// time, not data.
//
// # Layout
//
// A key is one letter and fixed-width fields, big-endian, so that a table is a
// range and its order is the order in which it is read:
//
//	m name                       identity, clean-shutdown flag, knowledge
//	r file                       record
//	c parent folded 00 file      name: children of a directory, by folded name
//	s origin count file          size, clock: live stamps, for "what do you lack"
//	h hash[:16] file             empty: files with a content
//	f file                       facts
//	i dev inode file             empty: files at an inode
//	w file                       record that is wanted
//	p peer                       state of a peer
//	k grain hash                 sequence, chunk list
//	a grain sequence             hash, length: chunk lists by age
//
// A value that is not empty is one byte of format, the payload, and the CRC-32C
// of key, format and payload, so that a value that strayed to another key is
// noticed too. The tables c, s, h and i are derived from r and f in the same
// transaction; each of their keys ends with the file, so that no two files can
// ever overwrite each other's.
package index
