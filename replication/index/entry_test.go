package index

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// sampleEntries are entries of each shape, with the bytes that go before the
// records, and the records; worked out by hand from the layout in entry.go.
var sampleEntries = func() map[string]struct {
	entry   reconcile.Entry
	front   []byte
	records []replication.Record
} {
	r, older := file(1, "a", 5), file(1, "b", 3)
	dead := older.Tombstone()
	foreign := file(1, "f", 1)
	foreign.Stamp, foreign.History = version.Stamp{}, version.Vector{}
	since := vector(version.Stamp{Origin: originOf(2), Count: 300})
	vectorBytes := slices.Concat([]byte{1, 1, 2}, make([]byte, 14), []byte{7, 0xac, 0x02})
	hold := slices.Concat(reconcile.HoldID[:], []byte{4}, []byte("held"))
	type sample = struct {
		entry   reconcile.Entry
		front   []byte
		records []replication.Record
	}
	return map[string]sample{
		"settled": {settled(r), []byte{0x06}, []replication.Record{r}},
		"tombstone": {
			reconcile.Entry{ID: r.ID, Known: dead, OnRecord: true, Disk: dead},
			[]byte{0x46},
			[]replication.Record{dead},
		},
		"heard of": {
			reconcile.Entry{ID: r.ID, Known: r, Pending: true, Since: since, Own: 200, Wanted: true},
			slices.Concat([]byte{0x61}, vectorBytes, []byte{0xc8, 0x01}),
			[]replication.Record{r},
		},
		"older on disk": {
			reconcile.Entry{ID: r.ID, Known: r, Pending: true, OnRecord: true, Disk: older, At: placeOf(&older), Wanted: true},
			[]byte{0x23, 1, 0, 0},
			[]replication.Record{r, older},
		},
		"held and busy": {
			reconcile.Entry{ID: r.ID, Known: r, OnRecord: true, Disk: older, At: reconcile.Place{Parent: reconcile.HoldID, Name: "held"}, Doing: &r, Wanted: true},
			slices.Concat([]byte{0xaa}, hold),
			[]replication.Record{r, r, older},
		},
		"foreign": {
			reconcile.Entry{ID: r.ID, Known: foreign, OnRecord: true, Disk: foreign, At: placeOf(&foreign), Foreign: true},
			[]byte{0x16},
			[]replication.Record{foreign},
		},
		"settled elsewhere": {
			reconcile.Entry{ID: r.ID, Known: r, OnRecord: true, Disk: r, At: reconcile.Place{Parent: fileID(2), Name: "a"}},
			slices.Concat([]byte{0x86}, bytesOf(fileID(2)), []byte{1, 'a'}),
			[]replication.Record{r},
		},
	}
}()

func TestEntriesMatchTheirGoldenBytes(t *testing.T) {
	for name, s := range sampleEntries {
		golden := bytes.Clone(s.front)
		for _, r := range s.records {
			golden = r.Append(golden)
		}
		if got := appendEntry(nil, &s.entry); !bytes.Equal(got, golden) {
			t.Errorf("%s: append =\n%x, want\n%x", name, got, golden)
		}
		if got, err := parseEntry(s.entry.ID, golden); err != nil || !reflect.DeepEqual(got, s.entry) {
			t.Errorf("%s: parse =\n%+v, %v, want\n%+v", name, got, err, s.entry)
		}
		if err := readable(&s.entry); err != nil {
			t.Errorf("%s: readable = %v", name, err)
		}
		for n := range golden {
			if _, err := parseEntry(s.entry.ID, golden[:n:n]); !errors.Is(err, errMalformed) {
				t.Errorf("%s: parse of %d of %d bytes = %v, want errMalformed", name, n, len(golden), err)
			}
		}
		if _, err := parseEntry(s.entry.ID, append(golden, 0)); !errors.Is(err, errMalformed) {
			t.Errorf("%s: parse with a byte too many = %v, want errMalformed", name, err)
		}
		if _, err := parseEntry(fileID(9), golden); !errors.Is(err, errMalformed) {
			t.Errorf("%s: parse as another file = %v, want errMalformed", name, err)
		}
	}
}

// TestImpossibleShapes: what contradicts itself is refused.
func TestImpossibleShapes(t *testing.T) {
	r := file(1, "a", 1)
	for _, shape := range []byte{
		0,                             // neither on record nor a place
		shapeNowhere | shapeOneRecord, // one record for two, of which one is not there
		shapeOnRecord | shapeOneRecord | shapeNowhere | shapeElsewhere,
	} {
		b := []byte{shape}
		if shape&shapeElsewhere != 0 {
			b = append(append(b, bytesOf(fileID(2))...), 0)
		}
		if _, err := parseEntry(r.ID, r.Append(b)); !errors.Is(err, errMalformed) {
			t.Errorf("shape %08b: parse = %v, want errMalformed", shape, err)
		}
	}
}

// TestSettledEntryCostsOneByte: the common entry is its record and a shape.
func TestSettledEntryCostsOneByte(t *testing.T) {
	e := settled(file(1, "a", 1))
	if got, want := len(appendEntry(nil, &e)), 1+len(e.Known.Append(nil)); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
}

// TestEntriesReadBackAsTheyWerePut: a round trip, and equality is that of bytes.
func TestEntriesReadBackAsTheyWerePut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawEntry(t), drawEntry(t)
		b.ID = a.ID
		normal(&a)
		payload := appendEntry(nil, &a)
		got, err := parseEntry(a.ID, payload)
		same(t, "entry", got, a, err)
		same(t, "sameEntry", sameEntry(&a, &got), true)
		same(t, "sameEntry of two", sameEntry(&a, &b), bytes.Equal(payload, appendEntry(nil, &b)))
	})
}

// TestEveryFieldCounts: an entry that differs in one field is not the same.
func TestEveryFieldCounts(t *testing.T) {
	r := file(1, "a", 5)
	r.Attr.Xattrs = []replication.Xattr{{Name: "user.a", Value: []byte{1}}}
	e := settled(r)
	e.Doing, e.Pending = &r, true
	for name, change := range map[string]func(e *reconcile.Entry){
		"pending": func(e *reconcile.Entry) { e.Pending = false },
		"since":   func(e *reconcile.Entry) { e.Since = vector(stampOf(1)) },
		"own":     func(e *reconcile.Entry) { e.Own++ },
		"record":  func(e *reconcile.Entry) { e.OnRecord = false },
		"place":   func(e *reconcile.Entry) { e.At.Name = "b" },
		"doing":   func(e *reconcile.Entry) { e.Doing = nil },
		"foreign": func(e *reconcile.Entry) { e.Foreign = true },
		"wanted":  func(e *reconcile.Entry) { e.Wanted = true },
	} {
		o := e
		if change(&o); sameEntry(&e, &o) || sameEntry(&o, &e) {
			t.Errorf("an entry with another %s is the same", name)
		}
	}
	fields := reflect.TypeFor[replication.Record]()
	for i := range fields.NumField() {
		o := e
		o.Known = r
		spoil(reflect.ValueOf(&o.Known).Elem().Field(i))
		if sameEntry(&e, &o) {
			t.Errorf("an entry with another %s is the same", fields.Field(i).Name)
		}
	}
	attr := reflect.TypeFor[replication.Attr]()
	for i := range attr.NumField() {
		o := e
		o.Disk = r
		spoil(reflect.ValueOf(&o.Disk.Attr).Elem().Field(i))
		if sameEntry(&e, &o) {
			t.Errorf("an entry with another %s is the same", attr.Field(i).Name)
		}
	}
}

// spoil gives a field another value.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.Array:
		spoil(v.Index(0))
	default:
		if v.IsZero() {
			panic("nothing to spoil")
		}
		v.SetZero() // other structs and slices
	}
}

// FuzzEntry: no bytes make the parser panic, and what it takes is written back
// as an entry that reads the same.
func FuzzEntry(f *testing.F) {
	for _, s := range sampleEntries {
		f.Add(appendEntry(nil, &s.entry))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEntry(fileID(1), slices.Clip(b))
		if err != nil {
			return
		}
		again, err := parseEntry(e.ID, appendEntry(nil, &e))
		if err != nil || !sameEntry(&e, &again) {
			t.Errorf("%+v reads back as %+v, %v", e, again, err)
		}
	})
}
