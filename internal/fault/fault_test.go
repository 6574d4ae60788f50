package fault

import (
	"errors"
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
