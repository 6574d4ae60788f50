package configs

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// FuzzParse: a text is refused with places inside of it, or it is a File that
// survives being shown.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/bad-*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Parse("fuzz.yaml", slices.Clip(b))
		if err != nil {
			checkRefusal(t, b, err)
			return
		}
		text, err := file.Show()
		if err != nil {
			t.Fatalf("Show() = %v", err)
		}
		again, err := Parse("shown.yaml", text)
		if err != nil {
			t.Fatalf("shown file is refused: %v\n%s", err, text)
		}
		if !reflect.DeepEqual(bare(file), bare(again)) {
			t.Fatalf("shown and parsed =\n%+v\nwant\n%+v", bare(again), bare(file))
		}
		for _, fault := range file.Unserved(file.Host) {
			if fault.Line == 0 {
				t.Fatalf("unserved without a place: %v", fault)
			}
		}
	})
}

func checkRefusal(t *testing.T, b []byte, err error) {
	t.Helper()
	var refusal *Error
	if !errors.As(err, &refusal) || len(refusal.Faults) == 0 {
		t.Fatalf("Parse = %v, want a refusal", err)
	}
	lines := len(lineEnds(b)) + 1
	for _, fault := range refusal.Faults {
		if fault.Line < 1 || fault.Line > lines || fault.Column < 1 || fault.Message == "" {
			t.Fatalf("fault outside of %d lines: %v", lines, fault)
		}
	}
}
