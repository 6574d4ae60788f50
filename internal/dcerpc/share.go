package dcerpc

import (
	"slices"
	"strings"
)

// shareLevel is one SHARE_INFO_n structure ([MS-SRVS] 2.2.4.22 on): its fixed
// fields and, in the same order, the strings that its pointers lead to.
type shareLevel struct {
	fixed   func(w *writer, s Share)
	strings func(w *writer, s Share)
}

const (
	unlimitedUses = 0xffffffff
	flagDFS       = 0x01 // SHI1005_FLAGS_DFS
	flagDFSRoot   = 0x02 // SHI1005_FLAGS_DFS_ROOT
	flagNoCache   = 0x30 // CSC_CACHE_NONE
)

// levels returns the structures that clients ask for.
func levels() map[uint32]shareLevel {
	return map[uint32]shareLevel{
		0: {
			fixed:   func(w *writer, _ Share) { w.pointer() },
			strings: func(w *writer, s Share) { w.text(s.Name) },
		},
		1:    {fixed: fixed1, strings: nameAndComment},
		2:    {fixed: fixed2, strings: nameCommentPath},
		501:  {fixed: func(w *writer, s Share) { fixed1(w, s); w.u32(s.flags()) }, strings: nameAndComment},
		502:  {fixed: fixed502, strings: nameCommentPath},
		503:  {fixed: fixed503, strings: func(w *writer, s Share) { nameCommentPath(w, s); w.text("*") }},
		1005: {fixed: func(w *writer, s Share) { w.u32(s.flags()) }, strings: func(*writer, Share) {}},
	}
}

func fixed1(w *writer, s Share) {
	w.pointer()
	w.u32(uint32(s.Type))
	w.pointer()
}

func fixed2(w *writer, s Share) {
	fixed1(w, s)
	w.u32(0) // permissions: of share-level security, long gone
	w.u32(unlimitedUses)
	w.u32(0) // current uses are not told
	w.pointer()
	w.null() // password
}

func fixed502(w *writer, s Share) {
	fixed2(w, s)
	w.u32(0) // bytes of security descriptor
	w.null()
}

func fixed503(w *writer, s Share) {
	fixed2(w, s)
	w.pointer() // server name: "*", every name of this server
	w.u32(0)
	w.null()
}

func nameAndComment(w *writer, s Share) {
	w.text(s.Name)
	w.text(s.Comment)
}

func nameCommentPath(w *writer, s Share) {
	nameAndComment(w, s)
	w.text(s.path())
}

// flags are those of SHARE_INFO_1005. Level 501 shows the same.
func (s Share) flags() uint32 {
	if s.DFSRoot {
		return flagDFS | flagDFSRoot | flagNoCache
	}
	return flagNoCache
}

// path is the local folder that administrators would look for. A namespace is
// virtual, so it has the form but no place.
func (s Share) path() string {
	if s.Type == IPC {
		return ""
	}
	return `C:\DfsRoots\` + s.Name
}

// shareGetInfo is NetrShareGetInfo, [MS-SRVS] 3.1.4.10.
func shareGetInfo(h Host, in *reader, out *writer) error {
	in.optionalText("server name")
	name := in.text("share name")
	level := in.u32("level")
	if in.err != nil {
		return in.err
	}
	out.u32(level)
	form, known := levels()[level]
	if !known {
		out.null()
		out.u32(statusInvalidLevel)
		return nil
	}
	shares := h.Shares()
	i := slices.IndexFunc(shares, func(s Share) bool { return strings.EqualFold(s.Name, name) })
	if i < 0 {
		out.null()
		out.u32(statusNetName)
		return nil
	}
	out.pointer()
	form.fixed(out, shares[i])
	form.strings(out, shares[i])
	out.u32(statusSuccess)
	return nil
}

// enumRequest is what NetrShareEnum asks for.
type enumRequest struct {
	level     uint32
	preferred uint32 // bytes that the caller would like at most
	resume    uint32 // first entry wanted
	resumable bool   // a resume handle was passed
}

// parseEnum reads the arguments of NetrShareEnum, [MS-SRVS] 3.1.4.8. The
// container comes empty from every client; one that is not is refused.
func parseEnum(in *reader) (enumRequest, error) {
	in.optionalText("server name")
	q := enumRequest{level: in.u32("level")}
	if arm := in.u32("union"); arm != q.level {
		in.fail("union of level %d in a structure of level %d", arm, q.level)
	}
	if in.u32("container") != 0 {
		if n, entries := in.u32("entries"), in.u32("buffer"); n != 0 || entries != 0 {
			in.fail("container holds %d entries", n)
		}
	}
	q.preferred = in.u32("preferred length")
	q.resumable = in.u32("resume handle") != 0
	if q.resumable {
		q.resume = in.u32("resume handle")
	}
	return q, in.err
}

// shareEnum is NetrShareEnum, [MS-SRVS] 3.1.4.8.
func shareEnum(h Host, in *reader, out *writer) error {
	q, err := parseEnum(in)
	if err != nil {
		return err
	}
	out.u32(q.level)
	out.u32(q.level)
	form, known := levels()[q.level]
	if !known {
		out.null()
		q.finish(out, 0, 0, statusInvalidLevel)
		return nil
	}
	shares := h.Shares()
	rest := shares[min(int(q.resume), len(shares)):]
	n := form.fitting(rest, q)
	out.pointer()
	out.u32(uint32(n))
	out.pointer()
	out.u32(uint32(n))
	for _, s := range rest[:n] {
		form.fixed(out, s)
	}
	for _, s := range rest[:n] {
		form.strings(out, s)
	}
	if n < len(rest) {
		q.finish(out, len(rest), q.resume+uint32(n), statusMoreData)
		return nil
	}
	q.finish(out, len(rest), 0, statusSuccess)
	return nil
}

// finish writes what follows the container: total entries, resume handle and
// status.
func (q enumRequest) finish(out *writer, total int, resume, status uint32) {
	out.u32(uint32(total))
	if q.resumable {
		out.pointer()
		out.u32(resume)
	} else {
		out.null()
	}
	out.u32(status)
}

// fitting is how many of shares the caller's preferred length holds, one at
// least. A caller who cannot resume gets all: it would never see the rest.
func (l shareLevel) fitting(shares []Share, q enumRequest) int {
	if !q.resumable {
		return len(shares)
	}
	var size writer
	for i, s := range shares {
		l.fixed(&size, s)
		l.strings(&size, s)
		if i > 0 && uint64(len(size.b)) > uint64(q.preferred) {
			return i
		}
	}
	return len(shares)
}
