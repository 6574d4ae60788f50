// Package survey compares a folder's tree on disk with what the index says
// stood there, and reports where the two differ.
//
// What is as the index has it costs one look at its name. Whatever else there
// is gets read, once, from a handle below the folder, and counts only if it was
// the same before and after; what cannot be read now is reported as [Later]. A
// survey never writes, and it decides nothing: it tells which object the index
// has bound to an inode, and leaves to others what follows from that.
//
// # What a report means
//
// A [Found] object has the identity that the index bound to its inode, wherever
// it stands now. A moved object is Found at its new place and [Missing] at its
// old one, in either order; an object that was replaced is Missing and another
// one is Found. A directory is Found before anything below it. A directory that
// is Missing speaks for all that stood in it: if it is Found nowhere else, all
// of that is gone with it. A Later directory speaks for all below it too: look
// again with Area.Deep.
//
// Names that share an inode are kept apart, as objects of their own.
//
// Names that the filters skip are looked at on neither side: they are not Found,
// and an object that stands under one of them is not Missing.
package survey
