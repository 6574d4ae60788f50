package dfsc

import (
	"encoding/binary"
	"fmt"
)

// The control codes that carry referral requests ([MS-SMB2] 2.2.31).
const (
	FSCTLGetReferrals   = 0x00060194 // REQ_GET_DFS_REFERRAL
	FSCTLGetReferralsEx = 0x000601B0 // REQ_GET_DFS_REFERRAL_EX
)

// Request is a referral request of either form.
type Request struct {
	// MaxLevel is the highest version of response that the client reads: 1 or
	// more.
	MaxLevel uint16
	// Path is what the client asks for, as it spelled it.
	Path string
	// Site is the site that the client says it is in, where HasSite. Only the
	// extended form carries it.
	Site    string
	HasSite bool
}

// minRequest is the size of a request for the empty path.
const minRequest = 4

// ParseRequest decodes a REQ_GET_DFS_REFERRAL:
//
//	0  MaxReferralLevel  2
//	2  RequestFileName   to its NUL
//
// A path that ends with the message instead of a NUL is accepted, and so is
// anything behind the NUL. The error is ErrMalformed or ErrIllegalCharacter.
func ParseRequest(b []byte) (Request, error) {
	if len(b) < minRequest {
		return Request{}, fmt.Errorf("%w: request of %d bytes", ErrMalformed, len(b))
	}
	d := reader{b: b}
	level := d.u16("MaxReferralLevel")
	name, terminated := untilNUL(b[d.off:])
	if !terminated && len(name)%2 != 0 {
		return Request{}, fmt.Errorf("%w: RequestFileName of %d bytes", ErrMalformed, len(name))
	}
	return newRequest(level, name)
}

func newRequest(level uint16, name []byte) (Request, error) {
	if level == 0 {
		return Request{}, fmt.Errorf("%w: MaxReferralLevel 0", ErrMalformed)
	}
	path, err := decodeText(name, "RequestFileName")
	if err != nil {
		return Request{}, err
	}
	return Request{MaxLevel: level, Path: path}, nil
}

// flagSiteName says that an extended request carries a site.
const flagSiteName = 0x0001

// ParseRequestEx decodes a REQ_GET_DFS_REFERRAL_EX:
//
//	0   MaxReferralLevel       2
//	2   RequestFlags           2
//	4   RequestDataLength      4
//	8   RequestFileNameLength  2
//	10  RequestFileName
//	    SiteNameLength         2  with flagSiteName
//	    SiteName
//
// Lengths are in bytes and may count a NUL at the end or not. The error is
// ErrMalformed or ErrIllegalCharacter.
func ParseRequestEx(b []byte) (Request, error) {
	d := reader{b: b}
	level, flags := d.u16("MaxReferralLevel"), d.u16("RequestFlags")
	b = d.take(int(d.u32("RequestDataLength")), "RequestData")
	if d.err != nil {
		return Request{}, d.err
	}
	data := reader{b: b}
	name := data.counted("RequestFileName")
	var siteName []byte
	if flags&flagSiteName != 0 {
		siteName = data.counted("SiteName")
	}
	if data.err != nil {
		return Request{}, data.err
	}
	r, err := newRequest(level, name)
	if err != nil || flags&flagSiteName == 0 {
		return r, err
	}
	r.HasSite = true
	r.Site, err = decodeText(siteName, "SiteName")
	return r, err
}

// counted takes a string behind its length, without the NUL that may end it.
func (r *reader) counted(field string) []byte {
	n := int(r.u16(field))
	b := r.take(n, field)
	if r.err == nil && n%2 != 0 {
		r.err = fmt.Errorf("%w: %s of %d bytes", ErrMalformed, field, n)
	}
	if n >= 2 && len(b) == n && b[n-2] == 0 && b[n-1] == 0 {
		b = b[:n-2]
	}
	return b
}

// Append appends r as a REQ_GET_DFS_REFERRAL, which has no place for Site.
func (r Request) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, r.MaxLevel)
	return terminate(appendText(b, r.Path))
}

// AppendEx appends r as a REQ_GET_DFS_REFERRAL_EX. Path and Site must each be
// shorter than 32,768 characters.
func (r Request) AppendEx(b []byte) []byte {
	flags := uint16(0)
	if r.HasSite {
		flags = flagSiteName
	}
	b = binary.LittleEndian.AppendUint16(b, r.MaxLevel)
	b = binary.LittleEndian.AppendUint16(b, flags)
	sizeAt := len(b)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = appendCounted(b, r.Path)
	if r.HasSite {
		b = appendCounted(b, r.Site)
	}
	binary.LittleEndian.PutUint32(b[sizeAt:], uint32(len(b)-sizeAt-4))
	return b
}

func appendCounted(b []byte, s string) []byte {
	sizeAt := len(b)
	b = appendText(append(b, 0, 0), s)
	binary.LittleEndian.PutUint16(b[sizeAt:], uint16(len(b)-sizeAt-2))
	return b
}
