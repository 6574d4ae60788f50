package smbclient

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"dfsd/internal/smb2"
)

// Credentials name a user. The zero value is an anonymous caller.
type Credentials struct {
	User, Domain, Password string
}

// Options say how a connection is made. The zero value offers everything,
// demands nothing, and is anonymous.
type Options struct {
	// Dialects are those on offer; nil: all, 2.0.2 to 3.1.1.
	Dialects []smb2.Dialect
	// Signing are the algorithms on offer under 3.1.1, best first; nil: GMAC,
	// CMAC, HMAC. Empty: no signing context, which means CMAC.
	Signing []smb2.SigningAlgorithm
	// Ciphers are those on offer, best first; nil: all, GCM before CCM and 128
	// before 256 bits. Empty: encryption is not offered. 3.0 and 3.0.2 know
	// AES-128-CCM alone.
	Ciphers []smb2.Cipher
	// SigningRequired signs every request and demands that every answer is
	// signed. Otherwise that is so where the server requires it.
	SigningRequired bool
	// Encrypt encrypts everything behind the session set-up. Otherwise that is
	// so where the server or the share requires it.
	Encrypt bool
	// AllowGuest accepts a server that lets the user in as a guest.
	AllowGuest bool

	Credentials Credentials
	// RawNTLM sends NTLMSSP without SPNEGO, as Linux's cifs.ko does.
	RawNTLM bool
	// Workstation is the client's own name; servers log it.
	Workstation string

	// SourceAddr is the local address to connect from; zero: the system's
	// choice.
	SourceAddr netip.Addr
	// MaxFrame bounds an answer in bytes; 0: 1 MiB.
	MaxFrame int
	// ReadBuffer is how much is read at once, in bytes, where the server has
	// sent so much; 0: 32 KiB. Many connections that wait want less.
	ReadBuffer int
	// Credits is how many requests the client asks to have under way at once;
	// 0: 64. Servers may grant fewer.
	Credits int

	// ClientGUID names the client machine; zero: a random one.
	ClientGUID [16]byte
	// Now is the clock for NTLM; nil: the system's.
	Now func() time.Time
	// Rand is the source of salts, challenges and keys; nil: the system's.
	Rand io.Reader
}

const (
	defaultMaxFrame = 1 << 20
	minMaxFrame     = 64 << 10
	defaultCredits  = 64
	defaultBuffer   = 32 << 10
	// maxCredits bounds what is asked for, and what a server's generosity
	// counts for.
	maxCredits = 8192
	// maxLogonFrame bounds the answers before the server is known, in bytes. A
	// security token has at most 64 KiB.
	maxLogonFrame = 128 << 10
)

var knownDialects = []smb2.Dialect{smb2.Dialect202, smb2.Dialect210, smb2.Dialect300, smb2.Dialect302, smb2.Dialect311}

// Validate says what is wrong with the options, if anything.
func (o Options) Validate() error {
	for _, d := range o.Dialects {
		if !slices.Contains(knownDialects, d) {
			return fmt.Errorf("unknown dialect %v", d)
		}
	}
	if o.MaxFrame != 0 && o.MaxFrame < minMaxFrame {
		return fmt.Errorf("MaxFrame of %d bytes, least is %d", o.MaxFrame, minMaxFrame)
	}
	if o.ReadBuffer < 0 {
		return fmt.Errorf("read buffer of %d bytes", o.ReadBuffer)
	}
	if o.Credits < 0 || o.Credits > maxCredits {
		return fmt.Errorf("%d credits, want 0 to %d", o.Credits, maxCredits)
	}
	if o.Encrypt && (o.Ciphers != nil && len(o.Ciphers) == 0 || !slices.ContainsFunc(o.withDefaults().Dialects, smb2.Dialect.Is3x)) {
		return fmt.Errorf("encryption needs a cipher and a dialect from 3.0 on")
	}
	return nil
}

// withDefaults fills what was left open, but for ClientGUID.
func (o Options) withDefaults() Options {
	if len(o.Dialects) == 0 {
		o.Dialects = knownDialects
	}
	if o.Signing == nil {
		o.Signing = []smb2.SigningAlgorithm{smb2.SigningAESGMAC, smb2.SigningAESCMAC, smb2.SigningHMACSHA256}
	}
	if o.Ciphers == nil {
		o.Ciphers = []smb2.Cipher{smb2.CipherAES128GCM, smb2.CipherAES128CCM, smb2.CipherAES256GCM, smb2.CipherAES256CCM}
	}
	if o.MaxFrame == 0 {
		o.MaxFrame = defaultMaxFrame
	}
	if o.ReadBuffer == 0 {
		o.ReadBuffer = defaultBuffer
	}
	if o.Credits == 0 {
		o.Credits = defaultCredits
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return o
}

// offers3x reports whether a dialect from 3.0 on is on offer.
func (o Options) offers3x() bool { return slices.ContainsFunc(o.Dialects, smb2.Dialect.Is3x) }
