package smb2

import "fmt"

// HashAlgorithm is a pre-authentication integrity hash (2.2.3.1.1).
type HashAlgorithm uint16

// HashSHA512 is the only one.
const HashSHA512 HashAlgorithm = 1

// The types of negotiate contexts.
const (
	contextPreauth     = 1
	contextEncryption  = 2
	contextCompression = 3
	contextRDMA        = 7
	contextSigning     = 8
)

// negotiateContextFixed is the length of a context without its data.
const negotiateContextFixed = 8

// PreauthContext offers or chooses the pre-authentication integrity hash
// (2.2.3.1.1). A choice is one hash and a fresh salt of 32 bytes.
type PreauthContext struct {
	Hashes []HashAlgorithm
	// Salt aliases the message.
	Salt []byte
}

// EncryptionContext offers ciphers, best first, or chooses one (2.2.3.1.2). The
// choice CipherNone says that none is common.
type EncryptionContext struct{ Ciphers []Cipher }

// SigningContext offers signing algorithms, best first, or chooses one
// (2.2.3.1.7).
type SigningContext struct{ Algorithms []SigningAlgorithm }

// NegotiateContext is one that this package does not interpret.
type NegotiateContext struct {
	Type uint16
	// Data aliases the message.
	Data []byte
}

// NegotiateContexts are the contexts of a 3.1.1 NEGOTIATE (2.2.3.1), nil where
// absent. On the wire each begins at a multiple of 8:
//
//	0 Type   2 DataLength   4 Reserved   8 Data
type NegotiateContexts struct {
	Preauth    *PreauthContext
	Encryption *EncryptionContext
	Signing    *SigningContext
	// Others are the rest in their order: compression, RDMA transforms,
	// server name, transport, and types yet unknown.
	Others []NegotiateContext
}

func (c NegotiateContexts) count() int {
	n := len(c.Others)
	if c.Preauth != nil {
		n++
	}
	if c.Encryption != nil {
		n++
	}
	if c.Signing != nil {
		n++
	}
	return n
}

// negotiateContexts reads count contexts, the first at off.
func (r *reader) negotiateContexts(off uint32, count uint16) NegotiateContexts {
	var c NegotiateContexts
	if count > MaxContexts {
		r.refuse(ErrTooMany)
	}
	r.aligned(off, uint32(count), "negotiate contexts")
	for range count {
		head := r.section(off, negotiateContextFixed, "negotiate context")
		if r.err != nil {
			return NegotiateContexts{}
		}
		kind, n := le.Uint16(head), uint32(le.Uint16(head[2:]))
		data := r.section(off+negotiateContextFixed, n, "negotiate context data")
		if r.err == nil {
			if err := c.add(kind, data); err != nil {
				r.refuse(fmt.Errorf("%w: type %d at offset %d, %d bytes", err, kind, off, n))
			}
		}
		off += (negotiateContextFixed + n + 7) &^ 7
	}
	if c.Preauth == nil {
		r.refuse(ErrContextMissing)
	}
	if r.err != nil {
		return NegotiateContexts{}
	}
	return c
}

// add interprets one context by the rules of 3.3.5.4.
func (c *NegotiateContexts) add(kind uint16, data []byte) error {
	switch kind {
	case contextPreauth:
		return c.addPreauth(data)
	case contextEncryption:
		return c.addEncryption(data)
	case contextSigning:
		return c.addSigning(data)
	case contextCompression, contextRDMA:
		if c.has(kind) {
			return ErrContextDuplicate
		}
		if err := checkIgnored(data); err != nil {
			return err
		}
	}
	c.Others = append(c.Others, NegotiateContext{Type: kind, Data: data})
	return nil
}

func (c *NegotiateContexts) has(kind uint16) bool {
	for _, o := range c.Others {
		if o.Type == kind {
			return true
		}
	}
	return false
}

func (c *NegotiateContexts) addPreauth(data []byte) error {
	if c.Preauth != nil {
		return ErrContextDuplicate
	}
	if len(data) < 4 {
		return ErrContextShort
	}
	salt := int(le.Uint16(data[2:]))
	hashes, rest, err := ids[HashAlgorithm](le.Uint16(data), data[4:])
	if err != nil {
		return err
	}
	if salt > len(rest) {
		return ErrContextShort
	}
	c.Preauth = &PreauthContext{Hashes: hashes, Salt: rest[:salt:salt]}
	return nil
}

func (c *NegotiateContexts) addEncryption(data []byte) error {
	if c.Encryption != nil {
		return ErrContextDuplicate
	}
	if len(data) < 2 {
		return ErrContextShort
	}
	list, _, err := ids[Cipher](le.Uint16(data), data[2:])
	if err != nil {
		return err
	}
	c.Encryption = &EncryptionContext{Ciphers: list}
	return nil
}

func (c *NegotiateContexts) addSigning(data []byte) error {
	if c.Signing != nil {
		return ErrContextDuplicate
	}
	if len(data) < 2 {
		return ErrContextShort
	}
	list, _, err := ids[SigningAlgorithm](le.Uint16(data), data[2:])
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return ErrContextEmpty
	}
	c.Signing = &SigningContext{Algorithms: list}
	return nil
}

// checkIgnored refuses a compression or RDMA context that is malformed, though
// a good one means nothing here: both begin with a count, and their ids follow
// at 8.
func checkIgnored(data []byte) error {
	if len(data) < 8 {
		return ErrContextShort
	}
	count := le.Uint16(data)
	if count == 0 {
		return ErrContextEmpty
	}
	if 2*int(count) > len(data)-8 {
		return ErrContextShort
	}
	return nil
}

// ids reads count 16-bit ids from the start of b and returns what follows them.
func ids[T ~uint16](count uint16, b []byte) (list []T, rest []byte, err error) {
	if 2*int(count) > len(b) {
		return nil, nil, ErrContextShort
	}
	if count > MaxContexts {
		return nil, nil, ErrTooMany
	}
	for i := range int(count) {
		list = append(list, T(le.Uint16(b[2*i:])))
	}
	return list, b[2*count:], nil
}

// negotiateContexts appends c, aligned to 8 from start, in the order of their
// types but for the others, which follow.
func (w *writer) negotiateContexts(c NegotiateContexts, start int) {
	if p := c.Preauth; p != nil {
		at := w.beginContext(contextPreauth, start)
		w.len16(len(p.Hashes), "hash list")
		w.len16(len(p.Salt), "salt")
		appendIDs(w, p.Hashes)
		w.bytes(p.Salt)
		w.endContext(at)
	}
	if e := c.Encryption; e != nil {
		at := w.beginContext(contextEncryption, start)
		w.len16(len(e.Ciphers), "cipher list")
		appendIDs(w, e.Ciphers)
		w.endContext(at)
	}
	if s := c.Signing; s != nil {
		at := w.beginContext(contextSigning, start)
		w.len16(len(s.Algorithms), "signing algorithm list")
		appendIDs(w, s.Algorithms)
		w.endContext(at)
	}
	for _, o := range c.Others {
		at := w.beginContext(o.Type, start)
		w.bytes(o.Data)
		w.endContext(at)
	}
}

func (w *writer) beginContext(kind uint16, start int) int {
	w.align8(start)
	w.u16(kind)
	w.zero(negotiateContextFixed - 2)
	return len(w.b)
}

// endContext writes the length of the data that begins at b[at:].
func (w *writer) endContext(at int) {
	n := len(w.b) - at
	if n > 0xFFFF {
		panic(fmt.Sprintf("smb2: negotiate context of %d bytes does not fit its 16-bit length", n))
	}
	le.PutUint16(w.b[at-negotiateContextFixed+2:], uint16(n))
}

func appendIDs[T ~uint16](w *writer, list []T) {
	for _, id := range list {
		w.u16(uint16(id))
	}
}
