package smbauth

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"crypto/subtle"
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/crypto/md4" //nolint:staticcheck // the NT hash is MD4 by definition (MS-NLMP 3.3.1)
)

// Hash is an NT hash: as good as the password for whoever holds it. It prints
// as a placeholder, whatever the verb.
type Hash [16]byte

// Format keeps the hash out of logs and errors.
func (Hash) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[NT hash]") }

// NTHash is MD4 of the UTF-16LE password (NTOWFv1 of MS-NLMP 3.3.1).
func NTHash(password string) Hash {
	h := md4.New()
	h.Write(encodeUTF16(password))
	return Hash(h.Sum(nil))
}

// foldName upper-cases as Windows compares account names: one UTF-16 unit at
// a time, so that letters beyond the first plane stay as they are.
func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xFFFF {
			return r
		}
		return unicode.ToUpper(r)
	}, name)
}

func hmacMD5(key []byte, parts ...[]byte) [16]byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return [16]byte(h.Sum(nil))
}

// ntowfv2 is the NTLMv2 key of a user (MS-NLMP 3.3.2). Only the user's name is
// upper-cased; the domain counts as the client spelled it.
func ntowfv2(hash Hash, user, domain string) [16]byte {
	return hmacMD5(hash[:], encodeUTF16(foldName(user)+domain))
}

// ntProof is NTProofStr, and the session base key that follows from it.
func ntProof(key [16]byte, challenge [8]byte, temp []byte) (proof, base [16]byte) {
	proof = hmacMD5(key[:], challenge[:], temp)
	return proof, hmacMD5(key[:], proof[:])
}

// rc4Crypt en- or decrypts in with a fresh stream; the key has 5 to 16 bytes.
func rc4Crypt(key, in []byte) []byte {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err) // a key of ours has one of three fixed sizes
	}
	out := make([]byte, len(in))
	c.XORKeyStream(out, in)
	return out
}

// messageMIC is the integrity code over the three messages of an exchange
// (MS-NLMP 3.1.5.1.2), with the last one's own MIC field taken as zero.
// authenticate has at least authenticateHeader bytes.
func messageMIC(sessionKey [16]byte, negotiate, challenge, authenticate []byte) [16]byte {
	var zero [16]byte
	return hmacMD5(sessionKey[:], negotiate, challenge,
		authenticate[:micOffset], zero[:], authenticate[authenticateHeader:])
}

// direction is one of the two ways that an NTLM session's messages go.
type direction struct{ sign, seal string }

var (
	fromClient = direction{
		sign: "session key to client-to-server signing key magic constant\x00",
		seal: "session key to client-to-server sealing key magic constant\x00",
	}
	fromServer = direction{
		sign: "session key to server-to-client signing key magic constant\x00",
		seal: "session key to server-to-client sealing key magic constant\x00",
	}
)

// listMIC is the NTLM signature with sequence number 0 over a SPNEGO list of
// mechanisms, with extended session security (MS-NLMP 3.4.4.2).
func (d direction) listMIC(sessionKey [16]byte, flags ntlmFlags, list []byte) []byte {
	var seq [4]byte
	signKey := md5.Sum(append(sessionKey[:16:16], d.sign...))
	sum := hmacMD5(signKey[:], seq[:], list)
	check := sum[:8]
	if flags&flagKeyExchange != 0 {
		n := sealStrength(flags)
		sealKey := md5.Sum(append(sessionKey[:n:n], d.seal...))
		check = rc4Crypt(sealKey[:], check)
	}
	mic := append([]byte{1, 0, 0, 0}, check...)
	return append(mic, seq[:]...)
}

// sealStrength is how many bytes of the session key go into a sealing key
// (MS-NLMP 3.4.5.3).
func sealStrength(flags ntlmFlags) int {
	switch {
	case flags&flag128 != 0:
		return 16
	case flags&flag56 != 0:
		return 7
	}
	return 5
}

func sameMIC(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
