package adsites

import (
	"fmt"
	"strconv"
	"strings"
)

// Method is how a bind proves who asks.
type Method uint8

// The bind methods.
const (
	Simple Method = iota // a name and a password
	GSSAPI               // Kerberos, with a key from a keytab
)

var methodNames = []string{"simple", "gssapi"}

func (m Method) String() string { return enumName(methodNames, int(m)) }

// MarshalText writes the word of the configuration file.
func (m Method) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads `simple` or `gssapi`.
func (m *Method) UnmarshalText(text []byte) error { return enumValue(m, methodNames, text) }

// TLSMode is how a connection is protected.
type TLSMode uint8

// The modes of protection.
const (
	LDAPS    TLSMode = iota // TLS from the first byte, port 636
	StartTLS                // TLS before the bind, port 389
	Off                     // none, port 389
)

var tlsModeNames = []string{"ldaps", "starttls", "off"}

func (m TLSMode) String() string { return enumName(tlsModeNames, int(m)) }

// MarshalText writes the word of the configuration file.
func (m TLSMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads `ldaps`, `starttls` or `off`.
func (m *TLSMode) UnmarshalText(text []byte) error { return enumValue(m, tlsModeNames, text) }

func enumName(names []string, n int) string {
	if n < len(names) {
		return names[n]
	}
	return strconv.Itoa(n)
}

func enumValue[E ~uint8](e *E, names []string, text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*e = E(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", text, strings.Join(names, ", "))
}
