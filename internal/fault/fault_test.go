package fault

import (
	"errors"
	"slices"
	"testing"
)

func TestNest(t *testing.T) {
	tests := []struct{ name, prefix, path, want string }{
		{name: "value itself", prefix: "ttl", path: "", want: "ttl: bad"},
		{name: "field", prefix: "folders[2]", path: "path", want: "folders[2].path: bad"},
		{name: "element", prefix: "folders", path: "[2].path", want: "folders[2].path: bad"},
		{name: "no prefix", prefix: "", path: "name", want: "name: bad"},
		{name: "nothing", prefix: "", path: "", want: "bad"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var inner, outer List
			inner.Addf(tt.path, "b%s", "ad")
			outer.Nest(tt.prefix, inner)
			if got := outer.Error(); got != tt.want {
				t.Errorf("Nest(%q, %q) = %q, want %q", tt.prefix, tt.path, got, tt.want)
			}
		})
	}
}

func TestErr(t *testing.T) {
	var l List
	if err := l.Err(); err != nil {
		t.Errorf("empty List.Err() = %v, want nil", err)
	}
	l.Addf("a", "wrong")
	l.Addf("b", "wrong too")
	var got List
	if err := l.Err(); !errors.As(err, &got) || err.Error() != "a: wrong\nb: wrong too" {
		t.Errorf("List.Err() = %v, want both faults", err)
	}
}

func TestAddOther(t *testing.T) {
	var inner, outer List
	inner.AddOtherf("[3].path", "[0].path", "lies below folder %q", "a")
	inner.Addf("[4]", "no other")
	outer.Nest("folders", inner)
	want := List{
		{Path: "folders[3].path", Other: "folders[0].path", Message: `lies below folder "a"`},
		{Path: "folders[4]", Message: "no other"},
	}
	if !slices.Equal(outer, want) {
		t.Errorf("Nest(folders, %v) = %v, want %v", inner, outer, want)
	}
	if got, want := outer[0].String(), `folders[3].path: lies below folder "a" (folders[0].path)`; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
