//go:build integration

package replicas

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// private is the one entry of a root that members do not share.
const private = ".dfsd"

// tree is everything below a root that members must agree on, by its path.
type tree map[string]entry

// entry is what a user sees of one file, directory or symlink.
type entry struct {
	kind   string // "file", "dir", "symlink", or the type bits of what has no business here
	mode   uint32 // permission bits; 0 of symlinks
	uid    uint32
	gid    uint32
	size   int64    // of files
	mtime  int64    // unix nanoseconds; 0 of directories
	sum    [32]byte // of files: of their size and all blocks that are not zero
	target string   // of symlinks
	xattrs string   // user.* and POSIX ACLs, quoted

	allocated int64 // bytes on disk; compared within a factor
}

// holey is the size from which a file that is mostly hole must stay so.
const holey = 1 << 20

// readTree reads what stands below root. A file that vanishes or changes
// meanwhile is an error or shows in a later comparison.
func readTree(root string) (tree, error) {
	found := tree{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case rel == ".":
			return nil
		case rel == private:
			return filepath.SkipDir
		}
		e, err := readEntry(path)
		if err != nil {
			return fmt.Errorf("%s: %w", rel, err)
		}
		found[rel] = e
		return nil
	})
	return found, err
}

func readEntry(path string) (entry, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return entry{}, err
	}
	e := entry{mode: st.Mode & 0o7777, uid: st.Uid, gid: st.Gid, mtime: st.Mtim.Nano(), allocated: st.Blocks * 512}
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		e.kind, e.mtime, e.allocated = "dir", 0, 0
	case unix.S_IFLNK:
		e.kind, e.mode = "symlink", 0
		e.target, err = os.Readlink(path)
		return e, err
	case unix.S_IFREG:
		e.kind, e.size = "file", st.Size
		if e.sum, err = sumFile(path, st.Size); err != nil {
			return e, err
		}
	default:
		e.kind = fmt.Sprintf("%o", st.Mode&unix.S_IFMT)
		return e, nil
	}
	e.xattrs, err = readXattrs(path)
	return e, err
}

// sumFile is the SHA-256 of the size and of every block of 4 KiB that holds
// more than zeros, each behind its offset: a hole and zeros are the same, and
// holes cost nothing.
func sumFile(path string, size int64) (sum [32]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(size)))
	buf := make([]byte, 1<<20)
	for at := int64(0); at < size; {
		data, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // nothing but a hole from here
		}
		if err != nil {
			return sum, err
		}
		at = data / int64(len(buf)) * int64(len(buf))
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if n == 0 {
			return sum, fmt.Errorf("read at %d of %d: %w", at, size, err)
		}
		for from := 0; from < n; from += 4096 {
			block := buf[from:min(from+4096, n)]
			if strings.Trim(string(block), "\x00") != "" {
				h.Write(binary.BigEndian.AppendUint64(nil, uint64(at)+uint64(from)))
				h.Write(block)
			}
		}
		at += int64(n)
	}
	return [32]byte(h.Sum(nil)), nil
}

// sumOf is the sum of a file that holds text.
func sumOf(text string) [32]byte {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
	for from := 0; from < len(text); from += 4096 {
		if block := text[from:min(from+4096, len(text))]; strings.Trim(block, "\x00") != "" {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(from)))
			h.Write([]byte(block))
		}
	}
	return [32]byte(h.Sum(nil))
}

// readXattrs writes the attributes that travel, in the order of their names.
func readXattrs(path string) (string, error) {
	names := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, names)
	if errors.Is(err, unix.ENOTSUP) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var found []string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names[:n]), "\x00"), "\x00") {
		if !strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, "system.posix_acl_") {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		found = append(found, fmt.Sprintf("%s=%x", name, value[:n]))
	}
	slices.Sort(found)
	return strings.Join(found, " "), nil
}

// diff lists how got differs from want; nothing when they are equal.
func diff(want, got tree) []string {
	var all []string
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[path]; !ok {
			all = append(all, fmt.Sprintf("%q is missing (%s)", path, want[path].kind))
		} else if d := want[path].diff(g); d != "" {
			all = append(all, fmt.Sprintf("%q: %s", path, d))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[path]; !ok {
			all = append(all, fmt.Sprintf("%q should not be there (%s of %d bytes)", path, got[path].kind, got[path].size))
		}
	}
	return all
}

// diff says how g differs from e.
func (e entry) diff(g entry) string {
	var d []string
	differ := func(what string, want, got any) {
		if want != got {
			d = append(d, fmt.Sprintf("%s %v, want %v", what, got, want))
		}
	}
	differ("kind", e.kind, g.kind)
	differ("mode", fmt.Sprintf("%o", e.mode), fmt.Sprintf("%o", g.mode))
	differ("uid", e.uid, g.uid)
	differ("gid", e.gid, g.gid)
	differ("size", e.size, g.size)
	differ("mtime", e.mtime, g.mtime)
	differ("symlink target", e.target, g.target)
	differ("xattrs", e.xattrs, g.xattrs)
	differ("content", fmt.Sprintf("%x", e.sum[:6]), fmt.Sprintf("%x", g.sum[:6]))
	sparse := e.size >= holey && min(e.allocated, g.allocated) < e.size/2
	if sparse && max(e.allocated, g.allocated) > 4*min(e.allocated, g.allocated)+holey {
		differ("bytes on disk", e.allocated, g.allocated)
	}
	return strings.Join(d, ", ")
}

// strays lists what a daemon must never leave where users see it: private
// areas anywhere but at the root, sockets and devices.
func strays(of tree) []string {
	var all []string
	for _, path := range slices.Sorted(maps.Keys(of)) {
		e := of[path]
		if strings.HasPrefix(filepath.Base(path), private) || !slices.Contains([]string{"file", "dir", "symlink"}, e.kind) {
			all = append(all, fmt.Sprintf("%q (%s)", path, e.kind))
		}
	}
	return all
}

// preservedSums are the contents that lie in the preserved store of a root,
// read from the disk and not from the daemon.
func preservedSums(root string) (map[[32]byte]bool, error) {
	sums := map[[32]byte]bool{}
	err := filepath.WalkDir(filepath.Join(root, private, "preserved"), func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, syscall.ENOENT) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		sum, err := sumFile(path, info.Size())
		sums[sum] = true
		return err
	})
	return sums, err
}

// paths are those of a tree, in order.
func paths(of tree) []string { return slices.Sorted(maps.Keys(of)) }
