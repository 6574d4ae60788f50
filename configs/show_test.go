package configs

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dfsd/internal/quantity"
	"dfsd/namespace"
	"dfsd/replication"
)

func show(t *testing.T, f *File) string {
	t.Helper()
	b, err := f.Show()
	if err != nil {
		t.Fatalf("Show() = %v", err)
	}
	return string(b)
}

// bare is f without what it knows about its text.
func bare(f *File) File {
	g := *f
	g.name, g.places, g.digest = "", nil, [32]byte{}
	return g
}

// TestShowRoundTrip: what Show writes, Parse reads as an equal File, and Show
// writes again.
func TestShowRoundTrip(t *testing.T) {
	for _, path := range accepted(t) {
		f, err := Loader{Hostname: fixedName}.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		text := show(t, f)
		g := mustParse(t, text)
		if !reflect.DeepEqual(bare(f), bare(g)) {
			t.Errorf("%s shown and parsed = %+v, want %+v", path, bare(g), bare(f))
		}
		if again := show(t, g); again != text {
			t.Errorf("%s shown twice =\n%s\nwant\n%s", path, again, text)
		}
	}
}

// TestShowRoundTripOfAnything: the same for every value that the types can
// hold, whether it makes sense or not.
func TestShowRoundTripOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &File{}
		draw(t, newLayouts(), reflect.ValueOf(f).Elem())
		b, err := f.Show()
		if err != nil {
			t.Fatalf("Show() = %v", err)
		}
		doc, faults := parseTree("shown", b)
		if len(faults) > 0 {
			t.Fatalf("shown text is refused: %v\n%s", faults, b)
		}
		g, d := decode("shown", doc)
		if len(d.faults) > 0 {
			t.Fatalf("shown values are refused: %v\n%s", d.faults, b)
		}
		if !reflect.DeepEqual(bare(f), bare(g)) {
			t.Fatalf("shown and parsed =\n%+v\nwant\n%+v\n%s", bare(g), bare(f), b)
		}
	})
}

var text = rapid.StringMatching(`|[ -~]{1,8}|\\\\[a-z]{1,3}\\[a-z$]{1,3}|null|~|yes|012|18:30|[äöü €]{1,3}|[*&!%@#:?{}\[\],'"-].{0,2}[a-z]`).
	Filter(func(s string) bool {
		return !strings.ContainsFunc(s, func(r rune) bool {
			return r < ' ' || (r >= 0x7f && r < 0xa0) || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffd
		})
	})

// draw fills v with what a file can say.
func draw(t *rapid.T, l layouts, v reflect.Value) {
	switch l.shapeOf(v.Type()) {
	case shapeText:
		drawText(t, l, v)
	case shapeString:
		v.SetString(text.Draw(t, "text"))
	case shapeBool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case shapeInt:
		v.SetInt(rapid.Int64().Draw(t, "int"))
	case shapeTime:
		v.SetInt(rapid.Int64().Draw(t, "duration"))
	default:
		drawLong(t, l, v)
	}
}

func drawLong(t *rapid.T, l layouts, v reflect.Value) {
	switch longShape(v.Type()) {
	case shapeList:
		if rapid.Bool().Draw(t, "given") {
			n := rapid.IntRange(0, 2).Draw(t, "length")
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				draw(t, l, v.Index(i))
			}
		} else {
			l.setDefaults(v)
		}
	case shapeMap:
		if n := rapid.IntRange(-1, 2).Draw(t, "entries"); n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				element := reflect.New(v.Type().Elem()).Elem()
				draw(t, l, element)
				v.SetMapIndex(reflect.ValueOf(text.Filter(func(s string) bool { return s != "" }).Draw(t, "key")), element)
			}
		}
	case shapeSection:
		if rapid.Bool().Draw(t, "section") {
			v.Set(reflect.New(v.Type().Elem()))
			draw(t, l, v.Elem())
		}
	default:
		drawFields(t, l, v)
	}
}

// drawFields leaves lists that have a default at it half of the time: a file
// cannot say that a list is not there.
func drawFields(t *rapid.T, l layouts, v reflect.Value) {
	l.setDefaults(v)
	for _, f := range l.of(v.Type()) {
		field := v.Field(f.index)
		before := field.IsZero()
		draw(t, l, field)
		if !before && field.Kind() == reflect.Slice && field.IsNil() {
			field.Set(reflect.MakeSlice(field.Type(), 0, 0))
		}
	}
}

func drawText(t *rapid.T, l layouts, v reflect.Value) {
	if words := l.wordsOf(v.Type()); words != nil {
		v.SetUint(uint64(rapid.IntRange(0, len(words)-1).Draw(t, "word")))
		return
	}
	switch p := v.Addr().Interface().(type) {
	case *namespace.UNC:
		*p = namespace.UNC(rapid.StringMatching(`|\\\\[a-z0-9.]{1,9}[a-z]\\[a-z$]{1,9}(\\[a-z ]{1,4}[a-z])?`).Draw(t, "unc"))
		if _, err := namespace.ParseUNC(string(*p)); err != nil {
			*p = ""
		}
	case *quantity.Size:
		*p = quantity.Size(rapid.Int64Min(0).Draw(t, "size"))
	case *quantity.Bandwidth:
		*p = quantity.Bandwidth(rapid.Int64Min(0).Draw(t, "bandwidth"))
	case *replication.Fingerprint:
		if rapid.Bool().Draw(t, "key") {
			copy(p[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sum"))
			p[0] |= 1
		}
	case *replication.Days:
		*p = replication.Days(rapid.IntRange(1, 127).Draw(t, "days"))
	case *replication.TimeOfDay:
		*p = replication.TimeOfDay(rapid.IntRange(0, 24*60).Draw(t, "time"))
	default:
		if v.Type() == prefixType {
			if err := readText(v.Addr(), rapid.SampledFrom([]string{"10.1.0.0/16", "2001:db8::/48", "0.0.0.0/0", "::/0"}).Draw(t, "prefix")); err != nil {
				t.Fatal(err)
			}
			return
		}
		drawLong(t, l, v)
	}
}

// TestShowGolden: every value is there, and what YAML could misread is quoted.
func TestShowGolden(t *testing.T) {
	f, err := Loader{Hostname: fixedName}.Load("testdata/good-interface.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f.Log.Level = LevelDebug
	f.SMB.Names = []string{"off", "~", "12", "18:30", "a: b", "*"}
	golden(t, "testdata/good-interface.show", show(t, f))
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 90 * time.Second: "1m30s", 5 * time.Minute: "5m", time.Hour: "1h",
		90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 200 * time.Millisecond: "200ms",
		10 * time.Minute: "10m", 10 * time.Hour: "10h", -5 * time.Minute: "-5m",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("formatDuration(%v) = %q, want %q", d, got, want)
		}
		if back, err := time.ParseDuration(formatDuration(d)); err != nil || back != d {
			t.Errorf("formatDuration(%v) reads as %v, %v", d, back, err)
		}
	}
}
