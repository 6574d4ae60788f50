package smbauth

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// etype is a Kerberos encryption type (RFC 3961, IANA).
type etype int32

const (
	etypeAES128SHA1   etype = 17 // RFC 3962
	etypeAES256SHA1   etype = 18
	etypeAES128SHA256 etype = 19 // RFC 8009
	etypeAES256SHA384 etype = 20
	etypeRC4          etype = 23 // RFC 4757
)

// etypeProfile is what makes one encryption type; sizes are bytes.
type etypeProfile struct {
	keySize    int
	confounder int
	sumSize    int
	hash       func() hash.Hash
	sumsPlain  bool // the checksum is over the plaintext
}

// profile returns what makes e, where it is spoken here.
func (e etype) profile() (p etypeProfile, spoken bool) {
	switch e {
	case etypeAES128SHA1:
		return etypeProfile{16, 16, 12, sha1.New, true}, true
	case etypeAES256SHA1:
		return etypeProfile{32, 16, 12, sha1.New, true}, true
	case etypeAES128SHA256:
		return etypeProfile{16, 16, 16, sha256.New, false}, true
	case etypeAES256SHA384:
		return etypeProfile{32, 16, 24, sha512.New384, false}, true
	case etypeRC4:
		return etypeProfile{16, 8, md5.Size, md5.New, true}, true
	}
	return etypeProfile{}, false
}

var etypeNames = map[etype]string{
	1: "des-cbc-crc", 3: "des-cbc-md5", 16: "des3-cbc-sha1",
	etypeAES128SHA1: "aes128-cts-hmac-sha1-96", etypeAES256SHA1: "aes256-cts-hmac-sha1-96",
	etypeAES128SHA256: "aes128-cts-hmac-sha256-128", etypeAES256SHA384: "aes256-cts-hmac-sha384-192",
	etypeRC4: "arcfour-hmac", 24: "arcfour-hmac-exp",
	25: "camellia128-cts-cmac", 26: "camellia256-cts-cmac",
}

func (e etype) String() string {
	if name, ok := etypeNames[e]; ok {
		return name
	}
	return fmt.Sprintf("etype %d", int32(e))
}

// kerberosKey is a key and its type. It is never printed.
type kerberosKey struct {
	etype etype
	value []byte
}

// String keeps the key out of every message.
func (k kerberosKey) String() string { return fmt.Sprintf("%v key", k.etype) }

// GoString keeps the key out of every message.
func (k kerberosKey) GoString() string { return k.String() }

func (k kerberosKey) same(o kerberosKey) bool {
	return k.etype == o.etype && subtle.ConstantTimeCompare(k.value, o.value) == 1
}

// wellFormed reports whether k is of a type that is spoken here and as long as
// that demands.
func (k kerberosKey) wellFormed() bool {
	p, ok := k.etype.profile()
	return ok && len(k.value) == p.keySize
}

// principal is a Kerberos name. Names are equal byte by byte (RFC 4120 6.2);
// services alone are compared without regard to case, as Windows does.
type principal struct {
	name  []string
	realm string
}

// String is the name as klist shows it, "cifs/host@REALM".
func (p principal) String() string {
	if len(p.name) == 0 {
		return ""
	}
	return p.unqualified() + "@" + p.realm
}

// unqualified is the name without its realm.
func (p principal) unqualified() string { return strings.Join(p.name, "/") }

func (p principal) equal(o principal) bool {
	return p.realm == o.realm && slices.Equal(p.name, o.name)
}

// anonymous reports whether p is one of RFC 8062's names for nobody.
func (p principal) anonymous() bool {
	return len(p.name) > 0 && p.name[0] == "WELLKNOWN" || strings.HasPrefix(p.realm, "WELLKNOWN:")
}

// covers reports whether the owner of p answers tickets for o. As in Active
// Directory, HOST/x stands for cifs/x.
func (p principal) covers(o principal) bool {
	if p.realm != o.realm || len(p.name) != len(o.name) || len(p.name) == 0 {
		return false
	}
	if len(p.name) > 1 && strings.EqualFold(p.name[0], "host") && strings.EqualFold(o.name[0], "cifs") {
		return slices.EqualFunc(p.name[1:], o.name[1:], strings.EqualFold)
	}
	return slices.EqualFunc(p.name, o.name, strings.EqualFold)
}
