package dfsc

import (
	"fmt"
	"time"
)

// HeaderFlags are the flags of a whole response.
type HeaderFlags uint32

// The header flags.
const (
	ReferralServers HeaderFlags = 1 << iota // R: the targets answer referral requests
	StorageServers                          // S: the targets hold files
	TargetFailback                          // T: go back to a better target set when it is back
)

// EntryFlags are the flags of an entry.
type EntryFlags uint16

// The entry flags.
const (
	NameListReferral  EntryFlags = 0x0002
	TargetSetBoundary EntryFlags = 0x0004 // the first target of its target set
)

// Response is a decoded RESP_GET_DFS_REFERRAL.
type Response struct {
	// Consumed is how many bytes of the request's path were matched, in UTF-16.
	Consumed uint16
	Flags    HeaderFlags
	Entries  []Entry
}

// Entry is one entry of a Response.
type Entry struct {
	Version   uint16
	Root      bool // the target is that of a root
	Flags     EntryFlags
	Proximity uint32        // version 2 only
	TTL       time.Duration // not in version 1
	// Path, AlternatePath and Target are empty in name lists; version 1 has the
	// Target only. All have one leading backslash.
	Path          string
	AlternatePath string
	Target        string
	// SpecialName and Names are a domain and its controllers, in name lists.
	SpecialName string
	Names       []string
}

// IsNameList reports whether the entry answers a domain or a domain controller
// referral.
func (e Entry) IsNameList() bool { return e.Version >= 3 && e.Flags&NameListReferral != 0 }

// ParseResponse decodes a RESP_GET_DFS_REFERRAL with entries of version 1 to 4
// or name lists, as a client does. Entries are found by the size of the one
// before, and strings wherever they stand within b; what is beyond all of that
// is ignored. It keeps nothing of b, and makes strings of at most four times
// its size. The error is ErrMalformed or ErrIllegalCharacter.
func ParseResponse(b []byte) (Response, error) {
	d := decoder{reader: reader{b: b}, texts: make(map[int]text)}
	r := Response{Consumed: d.u16("PathConsumed")}
	n := d.u16("NumberOfReferrals")
	r.Flags = HeaderFlags(d.u32("ReferralHeaderFlags"))
	for range n {
		e := d.entry()
		if d.err == nil && len(r.Entries) > 0 && e.Version != r.Entries[0].Version {
			d.fail("entry of version %d among those of version %d", e.Version, r.Entries[0].Version)
		}
		if d.err != nil {
			break
		}
		r.Entries = append(r.Entries, e)
	}
	if d.err != nil {
		return Response{}, d.err
	}
	return r, nil
}

type decoder struct {
	reader
	texts map[int]text // by offset in the message: entries share strings
	made  int          // bytes of the message made into strings, some more than once
}

// text is a string of the message, and its size there with the NUL.
type text struct {
	s    string
	size int
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
	}
}

// entry decodes the entry at d.off and moves on to the next.
func (d *decoder) entry() Entry {
	start := d.off
	e := Entry{Version: d.u16("VersionNumber")}
	size := int(d.u16("Size"))
	e.Root = d.u16("ServerType") == 1
	e.Flags = EntryFlags(d.u16("ReferralEntryFlags"))
	switch {
	case d.err != nil:
		return e
	case e.Version == 1:
		e.Target = d.v1(start, size)
	case e.Version == 2:
		e.Proximity = d.u32("Proximity")
		d.v2(&e, start)
	case e.Version > MaxLevel || e.Version == 0:
		d.fail("entry of version %d", e.Version)
	case e.IsNameList():
		d.nameList(&e, start)
	default:
		d.v2(&e, start)
		d.take(16, "ServiceSiteGuid")
	}
	if size < d.off-start {
		d.fail("entry of version %d with size %d", e.Version, size)
	}
	d.off = start
	d.take(size, "entry")
	return e
}

// v1 decodes the target inside an entry of version 1.
func (d *decoder) v1(start, size int) string {
	b := d.take(size-sizeV1, "ShareName")
	text, terminated := untilNUL(b)
	if !terminated {
		d.fail("ShareName at offset %d has no end", start+sizeV1)
		return ""
	}
	return d.decode(text, "ShareName")
}

// v2 decodes what versions 2, 3 and 4 have in common from TimeToLive on.
func (d *decoder) v2(e *Entry, start int) {
	e.TTL = time.Duration(d.u32("TimeToLive")) * time.Second
	path, alternate, target := d.u16("DFSPathOffset"), d.u16("DFSAlternatePathOffset"), d.u16("NetworkAddressOffset")
	e.Path = d.text(start, path, "DFSPath")
	e.AlternatePath = d.text(start, alternate, "DFSAlternatePath")
	e.Target = d.text(start, target, "NetworkAddress")
}

// nameList decodes a name list of version 3, from TimeToLive on (2.2.5.3.2).
// The padding at its end may be there or not.
func (d *decoder) nameList(e *Entry, start int) {
	e.TTL = time.Duration(d.u32("TimeToLive")) * time.Second
	special, n, at := d.u16("SpecialNameOffset"), d.u16("NumberOfExpandedNames"), d.u16("ExpandedNameOffset")
	e.SpecialName = d.text(start, special, "SpecialName")
	next := start + int(at)
	for range n {
		name := d.textAt(next, "ExpandedName")
		d.count(name.size, "ExpandedName")
		if d.err != nil {
			return
		}
		e.Names = append(e.Names, name.s)
		next += name.size
	}
}

// text returns the string at an offset from an entry's start; 0 means none.
func (d *decoder) text(start int, offset uint16, field string) string {
	if offset == 0 {
		return ""
	}
	return d.textAt(start+int(offset), field).s
}

// textAt returns the string at an offset in the message.
func (d *decoder) textAt(at int, field string) text {
	if t, known := d.texts[at]; known || d.err != nil {
		return t
	}
	if at > len(d.b) {
		d.fail("%s at offset %d of %d", field, at, len(d.b))
		return text{}
	}
	b, terminated := untilNUL(d.b[at:])
	if !terminated {
		d.fail("%s at offset %d has no end", field, at)
		return text{}
	}
	t := text{s: d.decode(b, field), size: len(b) + 2}
	d.texts[at] = t
	return t
}

// decode makes a string of UTF-16 from the message.
func (d *decoder) decode(b []byte, field string) string {
	d.count(len(b)+2, field)
	if d.err != nil {
		return ""
	}
	s, err := decodeText(b, field)
	d.err = err
	return s
}

// count adds to what was made of the message. It has a bound because strings
// may overlap, and small messages would make large answers.
func (d *decoder) count(size int, field string) {
	if d.made += size; d.made > 4*len(d.b) {
		d.fail("%s overlaps other strings", field)
	}
}
