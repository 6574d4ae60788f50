package configs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// maxBytes is the longest file that is read.
const maxBytes = 64 << 20

// Loader loads files. The zero value is ready for use.
type Loader struct {
	// Hostname returns the full name of this machine, for files that name no
	// host; nil asks the operating system.
	Hostname func() (string, error)
}

// Load reads the file at path and fills in the host it is on. A file that is
// refused gives an *Error that holds every fault.
func Load(path string) (*File, error) { return Loader{}.Load(path) }

// Load is like the function Load, with this Loader's idea of the machine.
func (l Loader) Load(path string) (*File, error) {
	b, err := read(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(path, b)
	if err != nil {
		return nil, err
	}
	f.digest = sha256.Sum256(b)
	if f.Host != "" {
		return f, nil
	}
	hostname := l.Hostname
	if hostname == nil {
		hostname = fullName
	}
	if f.Host, err = hostname(); err != nil {
		return nil, fmt.Errorf("find this machine's name: %w", err)
	}
	return f, nil
}

// Digest is the SHA-256 of the bytes that Load read, in hex: it tells one text
// of the file from another.
func (f *File) Digest() string { return hex.EncodeToString(f.digest[:]) }

// read returns the content of the file at path; of one without an end, a
// little more than may be parsed.
func read(path string) ([]byte, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer r.Close()
	if info, err := r.Stat(); err == nil && info.Size() > maxBytes {
		return nil, &Error{[]Fault{tooLong(path)}}
	}
	b, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return b, nil
}

// Parse reads the text of a file called name. It looks at nothing but the
// text: Host stays empty where the text has none. A text that is refused gives
// an *Error that holds every fault.
func Parse(name string, b []byte) (*File, error) {
	doc, faults := parseTree(name, b)
	if len(faults) > 0 {
		return nil, &Error{sorted(faults)}
	}
	f, d := decode(name, doc)
	if f.Version == Version || f.Version == 0 {
		d.addRoomFaults(f.Validate())
	} else { // where every key may have another meaning
		d.faults = nil
		d.addRoomFaults(checkVersion(f.Version))
	}
	if len(d.faults) > 0 {
		return nil, &Error{sorted(d.faults)}
	}
	f.keepPlaces(doc)
	return f, nil
}
