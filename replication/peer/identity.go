package peer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"dfsd/internal/durable"
	"dfsd/replication"
)

// KeyFile is the name of a host's key in its data directory.
const KeyFile = "identity.key"

// ErrKeyExposed is returned for a key that others than its owner may read.
var ErrKeyExposed = errors.New("others may read the key")

const (
	pemType    = "PRIVATE KEY"
	maxKeyFile = 16 << 10
)

// Identity is the key of this host. It is immutable and safe for concurrent
// use; nothing of it but the fingerprint ever prints.
type Identity struct {
	certificate tls.Certificate
	fingerprint replication.Fingerprint
}

// Fingerprint returns what partners know this host by.
func (i *Identity) Fingerprint() replication.Fingerprint { return i.fingerprint }

// String returns the fingerprint.
func (i *Identity) String() string { return i.fingerprint.String() }

// GoString keeps the key out of %#v.
func (i *Identity) GoString() string { return "peer.Identity(" + i.String() + ")" }

// LoadIdentity reads the key in dir. A missing one is fs.ErrNotExist; one that
// others may read is ErrKeyExposed.
func LoadIdentity(dir string) (*Identity, error) {
	path := filepath.Join(dir, KeyFile)
	text, err := readKey(path)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return newIdentity(key)
}

// LoadOrCreateIdentity reads the key in dir and makes one if there is none,
// and dir too. A key that exists is never replaced, even if several processes
// do this at once: all return the same. A new key is durable when this returns.
func LoadOrCreateIdentity(dir string) (*Identity, error) {
	id, err := LoadIdentity(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := storeKey(dir, key); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("store the key of this host: %w", err)
	}
	return LoadIdentity(dir)
}

// readKey reads the file at path unless others may.
func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", path)
	}
	if info.Mode().Perm()&foreignBits != 0 {
		return nil, fmt.Errorf("%s: %w: its mode is %04o, want 0600", path, ErrKeyExposed, info.Mode().Perm())
	}
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}

func parseKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("no PEM block of type %s", pemType)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("PKCS #8: %w", err)
	}
	own, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("a key of type %T, want Ed25519", key)
	}
	return own, nil
}

// storeKey writes key into dir under its name, unless that is taken: then the
// error is fs.ErrExist and nothing changed.
func storeKey(dir string, key ed25519.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, "."+KeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Link(tmp.Name(), filepath.Join(dir, KeyFile)) // unlike a rename it replaces nothing
	}
	return errors.Join(err, os.Remove(tmp.Name()), durable.SyncDir(dir))
}

// newIdentity signs a certificate for key with key itself. Partners look at
// its key alone, so names and dates say nothing.
func newIdentity(key ed25519.PrivateKey) (*Identity, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "dfsd"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certificate of this host: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate of this host: %w", err)
	}
	return &Identity{
		certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf},
		fingerprint: fingerprintOf(leaf),
	}, nil
}

// fingerprintOf is the SHA-256 of a certificate's SubjectPublicKeyInfo.
func fingerprintOf(c *x509.Certificate) replication.Fingerprint {
	return sha256.Sum256(c.RawSubjectPublicKeyInfo)
}
