package fscc

// ParseRename returns the name that a client wants a file to have, or to have
// beside its own, relative to the share (FileRenameInformation and
// FileLinkInformation of type 2, and their Ex forms):
//
//	0 Replace or Flags   8 RootDirectory u64, zero   16 NameLength u32   20 Name
//
// The error is ErrMalformed.
func ParseRename(b []byte) (string, error) {
	r := reader{b: b}
	r.take(8, "flags")
	if root := r.u64("root directory"); root != 0 {
		r.fault("root directory %#x, want 0", root)
	}
	target := r.name(r.u32("name length"), "name")
	return target, r.err
}
