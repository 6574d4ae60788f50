package smbd

import (
	"testing"

	"pgregory.net/rapid"

	"dfsd/internal/smb2"
)

// TestOpenTable runs the table against a map: an id finds the open that it was
// given to, and no other for as long as the connection lives.
func TestOpenTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table openTable
		live := map[smb2.FileID]*open{}
		var given []smb2.FileID
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			if len(given) == 0 || rapid.IntRange(0, 2).Draw(t, "add") > 0 {
				o := &open{}
				table.add(o)
				if _, twice := live[o.id]; twice || o.id == smb2.AnyFileID || o.id == (smb2.FileID{}) {
					t.Fatalf("add gave the id %v", o.id)
				}
				live[o.id] = o
				given = append(given, o.id)
			} else if id := rapid.SampledFrom(given).Draw(t, "remove"); live[id] != nil {
				table.remove(live[id])
				delete(live, id)
			}
			for _, id := range append(given, smb2.AnyFileID, smb2.FileID{}) {
				if got := table.get(id); got != live[id] {
					t.Fatalf("get(%v) = %p, want %p", id, got, live[id])
				}
			}
			if table.count != len(live) {
				t.Fatalf("count = %d, want %d", table.count, len(live))
			}
		}
		table.all(table.remove)
		if table.count != 0 || table.slots != nil || table.free != nil {
			t.Errorf("after all were removed: %+v", table)
		}
	})
}
