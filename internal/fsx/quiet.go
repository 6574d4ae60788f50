package fsx

// Quieter is a File that can tell whether somebody has it open for writing.
type Quieter interface {
	// Quiet tells whether at this instant nobody has the file open for
	// writing. The file itself must have been opened ReadOnly, or it finds
	// itself. ErrUnsupported means that the system cannot tell: not this file
	// system, not with these rights. Who opens the file while it is asked
	// waits, or gets EWOULDBLOCK if he opened without blocking; that is the
	// time of two system calls.
	Quiet() (bool, error)
}
