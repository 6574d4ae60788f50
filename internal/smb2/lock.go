package smb2

// Lock is one byte range of LOCK (2.2.26.1):
//
//	0 Offset   8 Length   16 Flags   20 Reserved
type Lock struct {
	Offset, Length uint64
	Flags          uint32
}

// The lock flags.
const (
	LockShared          uint32 = 0x01
	LockExclusive       uint32 = 0x02
	LockUnlock          uint32 = 0x04
	LockFailImmediately uint32 = 0x10
)

const (
	lockSize          = 24
	lockRequestFixed  = 24 // without the one range that the StructureSize counts
	lockStructureSize = 48
)

// LockRequest locks or unlocks byte ranges (2.2.26):
//
//	0 StructureSize 48   2 LockCount   4 LockSequence   8 FileId   24 Locks
type LockRequest struct {
	Sequence uint32
	FileID   FileID
	// Locks holds one range at least.
	Locks []Lock
}

// ParseLockRequest reads the body behind the header of msg.
func ParseLockRequest(msg []byte) (LockRequest, error) {
	r := readFixed(msg, "lock request", lockStructureSize, lockRequestFixed)
	count := r.u16("lock count")
	q := LockRequest{Sequence: r.u32("lock sequence"), FileID: r.fileID()}
	if count == 0 {
		r.fault("no locks")
	}
	list := r.section(uint32(r.floor), uint32(count)*lockSize, "locks")
	if r.err != nil {
		return q, r.err
	}
	q.Locks = make([]Lock, count)
	for i := range q.Locks {
		b := list[i*lockSize:]
		q.Locks[i] = Lock{Offset: le.Uint64(b), Length: le.Uint64(b[8:]), Flags: le.Uint32(b[16:])}
	}
	return q, nil
}

// AppendBody appends the body; see [Body].
func (q LockRequest) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(lockStructureSize)
	w.len16(len(q.Locks), "lock list")
	w.u32(q.Sequence)
	w.fileID(q.FileID)
	for _, l := range q.Locks {
		w.u64(l.Offset)
		w.u64(l.Length)
		w.u32(l.Flags)
		w.u32(0)
	}
	return w.b
}

// LockResponse says that every range was locked or unlocked (2.2.27).
type LockResponse struct{}

// ParseLockResponse checks the body behind the header of msg.
func ParseLockResponse(msg []byte) (LockResponse, error) {
	return LockResponse{}, parseBare(msg, "lock response")
}

// AppendBody appends the body; see [Body].
func (LockResponse) AppendBody(b []byte) []byte { return appendBare(b) }
