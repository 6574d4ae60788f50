package journal

import (
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// maxPlaces bounds each of the two halves of the cache.
	maxPlaces = 8192
	// maxClimb bounds the way up from a directory whose path is too long.
	maxClimb = 4096
	// rootTries bounds how often a path is read again while the root moves.
	rootTries = 8
)

// place is where a directory is below the root.
type place struct {
	dir    string
	found  bool // false: not below the root, or no more
	coarse bool // dir is only the nearest directory above that has a name
}

// directories finds directories by their handles. What it found it keeps,
// within bounds, until forget: the two halves are the recently used and
// those before them, so that the busy ones stay.
type directories struct {
	root     int
	new, old map[handle]place
}

func newDirectories(root int) *directories {
	return &directories{root: root, new: map[handle]place{}}
}

// newHandle is a handle as events spell it.
func newHandle(h unix.FileHandle) handle {
	b := binary.NativeEndian.AppendUint32(nil, uint32(h.Type()))
	return handle(append(b, h.Bytes()...))
}

// forget drops every place: some directory is elsewhere now.
func (d *directories) forget() { d.new, d.old = map[handle]place{}, nil }

// find returns where a directory is. When it cannot be told, that is
// somewhere below the root: a hint too many.
func (d *directories) find(h handle) place {
	if p, known := d.new[h]; known {
		return p
	}
	p, known := d.old[h]
	if !known {
		var err error
		if p, err = d.resolve(h); err != nil {
			return place{dir: ".", found: true, coarse: true}
		}
	}
	if len(d.new) >= maxPlaces {
		d.new, d.old = map[handle]place{}, d.new
	}
	d.new[h] = p
	return p
}

// resolve asks the kernel. An error is one that may pass.
func (d *directories) resolve(h handle) (place, error) {
	if len(h) < 4 {
		return place{}, nil
	}
	kind := int32(binary.NativeEndian.Uint32([]byte(h[:4])))
	fd, err := unix.OpenByHandleAt(d.root, unix.NewFileHandle(kind, []byte(h[4:])), unix.O_PATH|unix.O_CLOEXEC)
	if errors.Is(err, unix.ESTALE) {
		// Gone. That it went is told in the directory above it.
		return place{}, nil
	}
	if err != nil {
		return place{}, err
	}
	return d.locate(fd)
}

// locate reads the path of an open directory and closes it. A directory with
// a path too long to be read is found by the nearest one above it.
func (d *directories) locate(fd int) (place, error) {
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return place{}, err
	}
	if st.Nlink == 0 {
		return place{}, nil
	}
	coarse := false
	for range maxClimb {
		rel, found, err := d.relative(fd)
		if err == nil {
			return place{dir: rel, found: found, coarse: found && coarse}, nil
		}
		if !errors.Is(err, unix.ENAMETOOLONG) {
			return place{}, err
		}
		up, err := unix.Openat(fd, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return place{}, err
		}
		_ = unix.Close(fd)
		fd, coarse = up, true
	}
	return place{}, unix.ENAMETOOLONG
}

// relative is the path of an open directory below the root.
func (d *directories) relative(fd int) (rel string, found bool, err error) {
	base, err := pathOf(d.root)
	for range rootTries {
		if err != nil {
			return "", false, err
		}
		path, err := pathOf(fd)
		if err != nil {
			return "", false, err
		}
		// Between the two the root itself may have moved.
		again, err := pathOf(d.root)
		if err != nil {
			return "", false, err
		}
		if again == base {
			rel, found = cutRoot(path, base)
			return rel, found, nil
		}
		base = again
	}
	return "", false, unix.EAGAIN
}

func cutRoot(path, base string) (rel string, found bool) {
	if path == base {
		return ".", true
	}
	return strings.CutPrefix(path, strings.TrimSuffix(base, "/")+"/")
}

// pathOf is the path of an open file as the kernel sees it now. Readlink
// gives back a path that has just grown as a whole.
func pathOf(fd int) (string, error) {
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return "", err
	}
	return path, nil
}
