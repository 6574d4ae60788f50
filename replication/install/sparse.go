package install

import (
	"errors"
	"io"

	"dfsd/internal/fsx"
)

const (
	// blockSize is the unit in which zeros become holes.
	blockSize = 4 << 10
	copySize  = 1 << 20
)

// writeSparse writes b and leaves a hole for every whole block of zeros.
func writeSparse(f fsx.File, b []byte) error {
	end := int64(len(b))
	for at := int64(0); at < end; {
		from := at
		for at < end && !hole(b, at) {
			at += blockSize
		}
		if at = min(at, end); at > from {
			if _, err := f.WriteAt(b[from:at], from); err != nil {
				return err
			}
		}
		for at < end && hole(b, at) {
			at += blockSize
		}
	}
	if end%blockSize == 0 && hole(b, end-blockSize) {
		return f.Truncate(end)
	}
	return nil
}

// hole tells whether the block at off is whole and all zero.
func hole(b []byte, off int64) bool {
	if off < 0 || off+blockSize > int64(len(b)) {
		return false
	}
	for _, c := range b[off : off+blockSize] {
		if c != 0 {
			return false
		}
	}
	return true
}

// copySparse copies the data of src and keeps its holes.
func copySparse(dst, src fsx.File, size int64) error {
	if err := dst.Clone(src); err == nil {
		return nil
	}
	if err := dst.Truncate(size); err != nil {
		return err
	}
	for at := int64(0); at < size; {
		data, err := src.SeekData(at)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if at, err = src.SeekHole(data); err != nil {
			return err
		}
		if err := copyRange(dst, src, data, min(at, size)-data); err != nil {
			return err
		}
	}
	return nil
}

// copyRange copies n bytes at off, in the kernel where it can.
func copyRange(dst, src fsx.File, off, n int64) error {
	done, err := dst.CopyFrom(src, off, off, n)
	if err == nil || !errors.Is(err, fsx.ErrUnsupported) {
		return err
	}
	buf := make([]byte, min(copySize, n-done))
	for off, end := off+done, off+n; off < end; {
		k, err := src.ReadAt(buf[:min(int64(len(buf)), end-off)], off)
		if k == 0 {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if _, err := dst.WriteAt(buf[:k], off); err != nil {
			return err
		}
		off += int64(k)
	}
	return nil
}
