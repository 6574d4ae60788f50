package smbauth

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A keytab as MIT, Heimdal, Samba and ktpass write it, version 0x0502,
// big-endian. A record of negative size is a hole:
//
//	file:   05 02, record…
//	record: size i32, components u16, realm, name…, name type u32, time u32,
//	        kvno u8, etype u16, key, [kvno u32, not zero: takes the other's place]
//
// where realm, name and key are {length u16, bytes}.
const (
	keytabVersion    = 0x0502
	maxKeytab        = 1 << 20 // bytes
	maxKeytabEntries = 4096
	maxComponents    = 8 // of a principal's name
)

// Keytab holds the long-term keys of services. It is immutable and safe for
// concurrent use; a nil Keytab holds none. Neither printing nor marshalling it
// shows a key.
type Keytab struct {
	entries []keytabEntry
}

// String says how many keys there are, and shows none.
func (kt Keytab) String() string { return fmt.Sprintf("keytab of %d keys", len(kt.entries)) }

// GoString is String, for %#v.
func (kt Keytab) GoString() string { return kt.String() }

// KeytabEntry is what may be shown of one key.
type KeytabEntry struct {
	Principal string // "cifs/files.example.com@EXAMPLE.COM"
	KVNO      uint32
	EncType   string // as kinit and ktutil name it, or "etype N"
}

// keytabEntry is one key. It is never printed.
type keytabEntry struct {
	principal principal
	kvno      uint32
	narrow    bool // only the version's lowest eight bits are known
	key       kerberosKey
	written   time.Time
}

// ParseKeytab reads a keytab of version 0x0502 and keeps none of b. An older
// version, a keytab without a key, and whatever breaks the layout are refused;
// the error never holds a key. A key of a type that is not spoken here is kept
// for Entries alone.
func ParseKeytab(b []byte) (*Keytab, error) {
	if len(b) > maxKeytab {
		return nil, fmt.Errorf("keytab of %d bytes, most is %d", len(b), maxKeytab)
	}
	if len(b) < 2 || binary.BigEndian.Uint16(b) != keytabVersion {
		return nil, errors.New("not a keytab of version 0x0502")
	}
	kt := &Keytab{}
	r := keytabReader{b: b, off: 2}
	for r.off < len(b) && r.err == nil {
		kt.readRecord(&r)
	}
	switch {
	case r.err != nil:
		return nil, r.err
	case len(kt.entries) == 0:
		return nil, errors.New("keytab holds no keys")
	}
	return kt, nil
}

// readRecord reads one record or hole. A size of zero ends the keytab, as MIT
// has it: what follows is room for more.
func (kt *Keytab) readRecord(r *keytabReader) {
	at := r.off
	size := int64(int32(r.u32("record size")))
	if r.err != nil {
		return
	}
	hole := size < 0
	if hole {
		size = -size
	}
	if size > int64(len(r.b)-r.off) {
		r.err = fmt.Errorf("keytab record at offset %d needs %d bytes, %d left", at, size, len(r.b)-r.off)
		return
	}
	body := r.take(int(size), "record")
	switch {
	case size == 0:
		r.off = len(r.b)
	case hole:
	case len(kt.entries) == maxKeytabEntries:
		r.err = fmt.Errorf("keytab holds more than %d keys", maxKeytabEntries)
	default:
		e, err := parseKeytabEntry(body)
		if err != nil {
			r.err = fmt.Errorf("keytab record at offset %d: %w", at, err)
			return
		}
		kt.entries = append(kt.entries, e)
	}
}

func parseKeytabEntry(b []byte) (keytabEntry, error) {
	r := keytabReader{b: b}
	var e keytabEntry
	n := int(r.u16("component count"))
	if r.err == nil && (n == 0 || n > maxComponents) {
		return e, fmt.Errorf("%d components of a name, want 1 to %d", n, maxComponents)
	}
	e.principal.realm = string(r.counted("realm"))
	for range n {
		e.principal.name = append(e.principal.name, string(r.counted("name")))
	}
	r.u32("name type")
	e.written = time.Unix(int64(r.u32("time")), 0)
	e.kvno, e.narrow = uint32(r.u8("key version")), true
	e.key.etype = etype(r.u16("encryption type"))
	e.key.value = slices.Clone(r.counted("key"))
	if r.err == nil && len(r.b)-r.off >= 4 {
		if wide := r.u32("key version"); wide != 0 {
			e.kvno, e.narrow = wide, false
		}
	}
	if r.err != nil {
		return keytabEntry{}, r.err
	}
	return e, e.check()
}

func (e keytabEntry) check() error {
	for _, part := range append([]string{e.principal.realm}, e.principal.name...) {
		if err := checkNamePart(part); err != nil {
			return err
		}
	}
	if p, ok := e.key.etype.profile(); ok && len(e.key.value) != p.keySize {
		return fmt.Errorf("%v key of %d bytes, want %d", e.key.etype, len(e.key.value), p.keySize)
	}
	return nil
}

// checkNamePart refuses what no realm or component of a name may hold here.
func checkNamePart(s string) error {
	switch {
	case s == "" || len(s) > maxName:
		return fmt.Errorf("realm or name of %d bytes, want 1 to %d", len(s), maxName)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("realm or name holds what is not a printable character")
	}
	return nil
}

// Principals returns the names in the keytab, "cifs/host@REALM", each once,
// sorted.
func (kt *Keytab) Principals() []string {
	var names []string
	for _, e := range kt.Entries() {
		names = append(names, e.Principal)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Entries returns what may be shown of each key, in the keytab's order.
func (kt *Keytab) Entries() []KeytabEntry {
	if kt == nil {
		return nil
	}
	entries := make([]KeytabEntry, 0, len(kt.entries))
	for _, e := range kt.entries {
		entries = append(entries, KeytabEntry{Principal: e.principal.String(), KVNO: e.kvno, EncType: e.key.etype.String()})
	}
	return entries
}

// keytabReader reads the fields of a keytab. The first fault sticks.
type keytabReader struct {
	b   []byte
	off int
	err error
}

func (r *keytabReader) take(n int, field string) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.b)-r.off {
		r.err = fmt.Errorf("%s at offset %d needs %d bytes, %d left", field, r.off, n, len(r.b)-r.off)
		return nil
	}
	r.off += n
	return r.b[r.off-n : r.off : r.off]
}

func (r *keytabReader) number(size int, field string) (n uint32) {
	for _, c := range r.take(size, field) {
		n = n<<8 | uint32(c)
	}
	return n
}

func (r *keytabReader) u8(field string) uint8   { return uint8(r.number(1, field)) }
func (r *keytabReader) u16(field string) uint16 { return uint16(r.number(2, field)) }
func (r *keytabReader) u32(field string) uint32 { return r.number(4, field) }

func (r *keytabReader) counted(field string) []byte { return r.take(int(r.u16(field)), field) }

// names reports whether a principal in the keytab answers for service.
func (kt *Keytab) names(service principal) bool {
	return slices.ContainsFunc(kt.entries, func(e keytabEntry) bool { return e.principal.covers(service) })
}

// maxTries bounds the keys that are tried on one ticket.
const maxTries = 8

// keysFor returns the keys that may open a ticket for service: of its realm,
// type and version, those of its own principal first, and the newest of each:
// keytabs gather old ones. The others follow because all names of one account in
// Active Directory have one key, and not every name need be in the keytab.
func (kt *Keytab) keysFor(service principal, sealed sealedPart) []kerberosKey {
	var own, other []keytabEntry
	for _, e := range kt.entries {
		switch {
		case e.principal.realm != service.realm || e.key.etype != sealed.etype || !e.isVersion(sealed.kvno):
		case e.principal.covers(service):
			own = append(own, e)
		default:
			other = append(other, e)
		}
	}
	var keys []kerberosKey
	for _, group := range [][]keytabEntry{own, other} {
		slices.SortStableFunc(group, func(a, b keytabEntry) int { return cmp.Compare(b.kvno, a.kvno) })
		for _, e := range group {
			if len(keys) < maxTries && !slices.ContainsFunc(keys, e.key.same) {
				keys = append(keys, e.key)
			}
		}
	}
	return keys
}

// lack says what the keytab holds in place of a key for service, and what mends
// that.
func (kt *Keytab) lack(service principal, sealed sealedPart) string {
	var versions, types []string
	elsewhere := ""
	note := func(list *[]string, text string) {
		if len(*list) < maxTries && !slices.Contains(*list, text) {
			*list = append(*list, text)
		}
	}
	for _, e := range kt.entries {
		moved := e.principal
		moved.realm = service.realm
		switch {
		case !moved.covers(service):
		case e.principal.realm != service.realm:
			elsewhere = e.principal.realm
		case e.key.etype != sealed.etype:
			note(&types, e.key.etype.String())
		default:
			note(&versions, fmt.Sprint(e.kvno))
		}
	}
	switch {
	case versions != nil:
		return "the keytab holds version " + strings.Join(versions, ", ") + ": export it anew"
	case types != nil:
		return "the keytab holds " + strings.Join(types, ", ") + " alone: give the account this type in the keytab too"
	case elsewhere != "":
		return fmt.Sprintf("the keytab holds a key of realm %q, which is another", elsewhere)
	}
	return "the keytab holds no key of that name"
}

// isVersion reports whether e may be the key of version kvno; 0 is any.
func (e keytabEntry) isVersion(kvno uint32) bool {
	return kvno == 0 || e.kvno == kvno || e.narrow && e.kvno == kvno&0xFF
}
