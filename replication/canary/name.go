package canary

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxName bounds the name of a file in bytes, so that a line fits into maxLine.
const maxName = 180

const hexDigits = "0123456789abcdef"

// FileName is the name of a member's file in Directory: the host in lower case
// without a final dot, what is not a-z, 0-9, "-" or a dot within it as %xx, byte
// by byte. The first letter of a name that Windows keeps for a device is written
// so too. What would be longer than 180 bytes is cut, and ends in "%-" and a
// hash of the whole.
func FileName(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	var b strings.Builder
	for i := range len(host) {
		edge := i == 0 || i == len(host)-1
		if plain(host[i]) && (host[i] != '.' || !edge) && (i > 0 || !isDevice(host)) {
			b.WriteByte(host[i])
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[host[i]>>4])
		b.WriteByte(hexDigits[host[i]&15])
	}
	name := b.String()
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	tail := "%-" + hex.EncodeToString(sum[:16])
	return name[:maxName-len(tail)] + tail
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '-'
}

// isDevice tells whether Windows takes name, with whatever follows a dot, for a
// device.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	switch base {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(base) == 4 && (base[:3] == "com" || base[:3] == "lpt") && '0' <= base[3] && base[3] <= '9'
}
