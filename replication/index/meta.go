package index

import (
	"encoding/binary"
	"errors"
	"fmt"

	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// The payload of a Meta:
//
//	phase, primary  1 byte each; primary 0 or 1
//	origin          16 bytes
//	count, fence    uvarint
//	seen, held      as version.Vector.Append
func appendMeta(b []byte, m *reconcile.Meta) []byte {
	primary := byte(0)
	if m.Primary {
		primary = 1
	}
	b = append(append(b, byte(m.Phase), primary), m.Origin[:]...)
	b = binary.AppendUvarint(b, m.Count)
	b = binary.AppendUvarint(b, uint64(m.Fence))
	return m.Held.Append(m.Seen.Append(b))
}

func parseMeta(payload []byte) (m reconcile.Meta, err error) {
	f := fields{b: payload}
	if b := f.take(2, "phase"); b != nil {
		m.Phase, m.Primary = reconcile.Phase(b[0]), b[1] == 1
		if m.Phase > reconcile.Normal || b[1] > 1 {
			return m, fmt.Errorf("%w: phase %d, primary %d", errMalformed, b[0], b[1])
		}
	}
	copy(m.Origin[:], f.take(len(m.Origin), "origin"))
	m.Count = f.uvarint("count")
	fence := f.uvarint("fence")
	if fence > 1<<32-1 {
		return m, fmt.Errorf("%w: fence %d", errMalformed, fence)
	}
	m.Fence = uint32(fence)
	m.Seen = f.vector("seen")
	m.Held = f.vector("held")
	return m, f.end()
}

func sameMeta(a, b *reconcile.Meta) bool {
	return a.Phase == b.Phase && a.Primary == b.Primary && a.Origin == b.Origin && a.Count == b.Count &&
		a.Fence == b.Fence && sameVector(a.Seen, b.Seen) && sameVector(a.Held, b.Held)
}

// meta returns the Meta that is stored, the zero one in a new index.
func (t table) meta() (m reconcile.Meta, err error) {
	err = t.look(keyCore, func(payload []byte) (err error) {
		m, err = parseMeta(payload)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return m, err
}

// readableMeta returns nil if m could be read again.
func readableMeta(m *reconcile.Meta) error {
	if m.Phase > reconcile.Normal || m.Seen.Len() > version.MaxOrigins || m.Held.Len() > version.MaxOrigins {
		return fmt.Errorf("%w: what the member knows is out of bounds", errMalformed)
	}
	return nil
}
