package install

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"dfsd/internal/fsx"
)

// TestInheritedACLs: what new files inherit in staging is not theirs at their
// place, when their records do not have it.
func TestInheritedACLs(t *testing.T) {
	f := openFolder(t, fsx.OS(), t.TempDir())
	acl := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, 7, 1<<32 - 1}, {2, 7, 1000}, {4, 5, 1<<32 - 1}, {0x10, 7, 1<<32 - 1}, {0x20, 0, 1<<32 - 1}} {
		acl = binary.LittleEndian.AppendUint16(acl, e.tag)
		acl = binary.LittleEndian.AppendUint16(acl, e.perm)
		acl = binary.LittleEndian.AppendUint32(acl, e.id)
	}
	if err := f.in.staging.SetXattr(aclDefault, acl); errors.Is(err, fsx.ErrUnsupported) {
		t.Skip("no ACLs here:", err)
	} else {
		ok(t, err)
	}
	items, _ := wide()
	for i, r := range f.commit(items...) {
		if r.Outcome != Done || len(r.Degraded) > 0 {
			t.Errorf("%s: %+v", items[i].Path, r)
		}
	}
	for _, it := range items[1:] {
		h, err := f.root.Open(it.Path, fsx.ReadOnly)
		ok(t, err)
		names, err := h.Xattrs()
		i, infoErr := h.Info()
		ok(t, h.Close())
		if err != nil || infoErr != nil || i.Mode != it.Record.Attr.Mode || strings.Contains(strings.Join(names, " "), "acl") {
			t.Errorf("%s has %v and mode %o: %v, %v", it.Path, names, i.Mode, err, infoErr)
		}
	}
}
