package index

import (
	"encoding/binary"
	"errors"
)

// devices tells the number by which the index knows the folder's file system, and
// the one that it has now: numbers change from one mount to the next. The two are
// swapped on the way in and out, so that a file system mounted below the folder keeps
// one of its own, whichever it has. The zero value swaps nothing.
type devices struct{ known, now uint64 }

func (d devices) swap(n uint64) uint64 {
	switch n {
	case d.known:
		return d.now
	case d.now:
		return d.known
	}
	return n
}

// settle reads by which number the index knows the folder's file system, or gives it
// that of now.
func (x *Index) settle(now uint64) error {
	if now == 0 {
		return nil
	}
	d := devices{now: now}
	err := x.t.look(keyDevice, func(payload []byte) error {
		f := fields{b: payload}
		d.known = f.uvarint("device")
		return f.end()
	})
	if errors.Is(err, ErrNotFound) {
		d.known = now
		e := x.edit()
		e.put(keyDevice, binary.AppendUvarint(nil, now))
		err = e.commit()
	}
	if err != nil {
		return err
	}
	t := x.t
	t.devices = d
	x.Reader = newReader(t)
	return nil
}
