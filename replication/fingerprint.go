package replication

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// Fingerprint is the SHA-256 of a member's public key: who it is, whatever
// its address. A file writes it as `SHA256:` and base64, as `dfsd identity`
// prints it. The zero value stands for no key.
type Fingerprint [32]byte

const fingerprintPrefix = "SHA256:"

// ParseFingerprint reads a fingerprint, with or without base64 padding.
func ParseFingerprint(text string) (Fingerprint, error) {
	encoded, ok := strings.CutPrefix(text, fingerprintPrefix)
	if !ok {
		return Fingerprint{}, fmt.Errorf("%q is no key fingerprint: it must begin with %s", text, fingerprintPrefix)
	}
	sum, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimSuffix(encoded, "="))
	if err != nil || len(sum) != len(Fingerprint{}) || strings.ContainsAny(encoded, "\r\n") {
		return Fingerprint{}, fmt.Errorf("%q is no key fingerprint: want SHA256: and the base64 of 32 bytes, as `dfsd identity` prints it", text)
	}
	return Fingerprint(sum), nil
}

// IsZero tells whether f stands for no key.
func (f Fingerprint) IsZero() bool { return f == Fingerprint{} }

// String writes f without base64 padding; no key is the empty string.
func (f Fingerprint) String() string {
	if f.IsZero() {
		return ""
	}
	return fingerprintPrefix + base64.RawStdEncoding.EncodeToString(f[:])
}

// MarshalText writes f as String does.
func (f Fingerprint) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what ParseFingerprint reads, and leaves f alone where it
// fails.
func (f *Fingerprint) UnmarshalText(text []byte) error {
	sum, err := ParseFingerprint(string(text))
	if err == nil {
		*f = sum
	}
	return err
}
