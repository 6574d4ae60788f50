package smb2

// CreateContext is one extension of CREATE (2.2.13.2):
//
//	0 Next   4 NameOffset   6 NameLength   8 Reserved   10 DataOffset   12 DataLength   16 Buffer
//
// Offsets count from the context's first byte; each context but the last is
// padded to 8.
type CreateContext struct {
	// Name has four bytes, such as ContextMaximalAccess, or the sixteen of a
	// GUID.
	Name string
	Data []byte
}

// The names of the create contexts that a server of virtual folders answers.
const (
	ContextMaximalAccess = "MxAc"
	ContextDiskID        = "QFid"
)

// createContextFixed is the length of a context without name and data.
const createContextFixed = 16

// FindContext returns the first context called name.
func FindContext(list []CreateContext, name string) (CreateContext, bool) {
	for _, c := range list {
		if c.Name == name {
			return c, true
		}
	}
	return CreateContext{}, false
}

// MaximalAccessContext answers ContextMaximalAccess (2.2.14.2.5).
func MaximalAccessContext(s Status, a Access) CreateContext {
	var w writer
	w.u32(uint32(s))
	w.u32(uint32(a))
	return CreateContext{Name: ContextMaximalAccess, Data: w.b}
}

// DiskIDContext answers ContextDiskID (2.2.14.2.9).
func DiskIDContext(fileID, volumeID uint64) CreateContext {
	var w writer
	w.u64(fileID)
	w.u64(volumeID)
	w.zero(16)
	return CreateContext{Name: ContextDiskID, Data: w.b}
}

// createContexts reads the list in the section of n bytes at off.
func (r *reader) createContexts(off, n uint32) []CreateContext {
	r.aligned(off, n, "create contexts")
	rest := r.section(off, n, "create contexts")
	var list []CreateContext
	for len(rest) > 0 && r.err == nil {
		if len(list) == MaxContexts {
			r.refuse(ErrTooMany)
			break
		}
		c, next := r.createContext(rest)
		list = append(list, c)
		rest = rest[next:]
	}
	if r.err != nil {
		return nil
	}
	return list
}

// createContext reads the context at the start of b and says where the next one
// begins, len(b) when there is none.
func (r *reader) createContext(b []byte) (CreateContext, int) {
	c := readBytes(b, "create context")
	next := c.u32("next")
	nameOff, nameLen := c.u16("name offset"), c.u16("name length")
	c.skip(2)
	dataOff, dataLen := c.u16("data offset"), c.u32("data length")
	c.floor = createContextFixed
	end := len(b)
	switch {
	case next == 0:
	case next%8 != 0 || next < createContextFixed || uint64(next) > uint64(len(b)):
		c.fault("next context at offset %d of %d bytes", next, len(b))
	default:
		end = int(next)
		c.msg = b[:end:end]
	}
	if nameLen < 4 {
		c.fault("name of %d bytes, want 4 at least", nameLen)
	}
	name := c.section(uint32(nameOff), uint32(nameLen), "name")
	data := c.section(uint32(dataOff), dataLen, "data")
	if r.err == nil {
		r.err = c.err
	}
	if r.err != nil {
		return CreateContext{}, len(b)
	}
	return CreateContext{Name: string(name), Data: data}, end
}

// createContexts appends list, aligned to 8 from start, and writes its offset
// and length at place.
func (w *writer) createContexts(list []CreateContext, start, place int) {
	if len(list) == 0 {
		return
	}
	w.align8(start)
	first := len(w.b)
	for i, c := range list {
		at := len(w.b)
		w.createContext(c)
		if i < len(list)-1 {
			w.align8(start)
			le.PutUint32(w.b[at:], uint32(len(w.b)-at))
		}
	}
	le.PutUint32(w.b[place:], uint32(first-start))
	le.PutUint32(w.b[place+4:], uint32(len(w.b)-first))
}

func (w *writer) createContext(c CreateContext) {
	nameEnd := createContextFixed + len(c.Name)
	dataOff := (nameEnd + 7) &^ 7
	w.u32(0)
	w.u16(createContextFixed)
	w.len16(len(c.Name), "context name")
	w.u16(0)
	if len(c.Data) == 0 {
		w.u16(0)
	} else {
		w.len16(dataOff, "context data offset")
	}
	w.len32(len(c.Data), "context data")
	w.b = append(w.b, c.Name...)
	if len(c.Data) > 0 {
		w.zero(dataOff - nameEnd)
		w.bytes(c.Data)
	}
}
