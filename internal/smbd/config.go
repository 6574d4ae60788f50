package smbd

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"dfsd/internal/fault"
)

// Config is the `smb` section of the configuration file.
type Config struct {
	// Listen holds host:port addresses to accept clients on.
	Listen []string `yaml:"listen"`
	// Names are further names that clients use for this server.
	Names []string `yaml:"names"`
	// Signing says whether a client may leave its requests unsigned.
	Signing Signing `yaml:"signing"`
	// Encryption says whether clients must, may or cannot encrypt.
	Encryption Encryption `yaml:"encryption"`
	// Guest lets unknown users in as guests, who neither sign nor encrypt.
	Guest bool `yaml:"guest"`
	// UsersFile holds the NT hashes of local users.
	UsersFile string `yaml:"users_file"`
	// Keytab holds the Kerberos keys of this server; empty: NTLMv2 only.
	Keytab string `yaml:"keytab"`
	// AllowRC4 lets in Kerberos tickets of RC4 (RFC 4757), which whoever records
	// them may break.
	AllowRC4 bool `yaml:"allow_rc4"`
	// Limits bound what clients can make the server hold.
	Limits Limits `yaml:"limits"`
}

// SetDefaults gives every field its value for a file that does not name it.
func (c *Config) SetDefaults() {
	c.Listen = []string{"0.0.0.0:445", "[::]:445"}
	c.Signing = SigningRequired
	c.Encryption = EncryptionEnabled
	c.Limits.SetDefaults()
}

// Validate returns every fault of c.
func (c Config) Validate() fault.List {
	var faults fault.List
	if len(c.Listen) == 0 {
		faults.Addf("listen", "no address to listen on; leave the key out for all addresses on port 445")
	}
	for i, addr := range c.Listen {
		if err := checkListen(addr); err != nil {
			faults.Addf(fmt.Sprintf("listen[%d]", i), "%v", err)
		}
	}
	for i, name := range c.Names {
		if name == "" || strings.ContainsAny(name, `\/: `) {
			faults.Addf(fmt.Sprintf("names[%d]", i), "%q is no host name", name)
		}
	}
	if c.Guest && c.Encryption == EncryptionRequired {
		faults.Addf("guest", "guests cannot encrypt, and encryption is required")
	}
	if c.AllowRC4 && c.Keytab == "" {
		faults.Addf("allow_rc4", "there is no keytab, so that no tickets are let in at all")
	}
	faults.Nest("limits", c.Limits.Validate())
	return faults
}

func checkListen(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is no host:port", addr)
	}
	if strings.ContainsAny(host, `\/ `) {
		return fmt.Errorf("%q is no host name or address", host)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("port %q is no number from 0 to 65535", port)
	}
	return nil
}

// Signing is the server's signing policy.
type Signing uint8

// The signing policies. The zero value is the safe one.
const (
	SigningRequired Signing = iota // every authenticated user signs
	SigningEnabled                 // clients may sign
)

var signingNames = []string{"required", "enabled"}

func (s Signing) String() string { return enumName(signingNames, int(s)) }

// MarshalText returns the word of the configuration file.
func (s Signing) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts `required` and `enabled`.
func (s *Signing) UnmarshalText(text []byte) error {
	n, err := enumValue(signingNames, text)
	*s = Signing(n)
	return err
}

// Encryption is the server's encryption policy.
type Encryption uint8

// The encryption policies.
const (
	EncryptionEnabled  Encryption = iota // clients may encrypt
	EncryptionRequired                   // all but session set-up is encrypted; clients below 3.0 are refused
	EncryptionOff                        // encryption is not offered
)

var encryptionNames = []string{"enabled", "required", "off"}

func (e Encryption) String() string { return enumName(encryptionNames, int(e)) }

// MarshalText returns the word of the configuration file.
func (e Encryption) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText accepts `required`, `enabled` and `off`.
func (e *Encryption) UnmarshalText(text []byte) error {
	n, err := enumValue(encryptionNames, text)
	*e = Encryption(n)
	return err
}

func enumName(names []string, n int) string {
	if n < len(names) {
		return names[n]
	}
	return strconv.Itoa(n)
}

func enumValue(names []string, text []byte) (int, error) {
	for i, name := range names {
		if name == string(text) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%q is none of %s", text, strings.Join(names, ", "))
}
