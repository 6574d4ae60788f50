package dcerpc

import (
	"slices"
	"testing"
)

// stubOf runs one operation on a stub.
func stubOf(t *testing.T, h Host, run operation, stub []byte) *reader {
	t.Helper()
	out := &writer{}
	if err := run(h, &reader{b: stub}, out); err != nil {
		t.Fatal(err)
	}
	return &reader{b: out.b}
}

// listed is what a client reads out of one answer at level 1.
type listed struct {
	names, comments       []string
	total, resume, status uint32
}

// readEnum1 decodes an answer of NetrShareEnum at level 1, field by field from
// the IDL of [MS-SRVS] 2.2.4.
func readEnum1(t *testing.T, r *reader) listed {
	t.Helper()
	if level, arm := r.u32("level"), r.u32("arm"); level != 1 || arm != 1 {
		t.Fatalf("level %d, union %d", level, arm)
	}
	var l listed
	if r.u32("container") == 0 {
		t.Fatal("no container")
	}
	n := r.u32("entries")
	r.u32("array")
	if most := r.u32("maximum count"); most != n {
		t.Fatalf("%d entries in an array of %d", n, most)
	}
	r.take(int(n)*12, "structures")
	for range n {
		l.names = append(l.names, r.text("name"))
		l.comments = append(l.comments, r.text("comment"))
	}
	l.total = r.u32("total")
	if r.u32("resume pointer") != 0 {
		l.resume = r.u32("resume")
	}
	l.status = r.u32("status")
	if r.err != nil || r.off != len(r.b) {
		t.Fatalf("answer ends at %d of %d: %v", r.off, len(r.b), r.err)
	}
	return l
}

func TestShareEnumInOneGo(t *testing.T) {
	got := readEnum1(t, stubOf(t, testHost(), shareEnum, enumStub(1, 0xffffffff, 0)))
	if !slices.Equal(got.names, []string{"dfs", "IPC$"}) || !slices.Equal(got.comments, []string{"Company shares", "Remote IPC"}) ||
		got.total != 2 || got.resume != 0 || got.status != statusSuccess {
		t.Errorf("NetrShareEnum = %+v", got)
	}
}

func TestShareEnumResumes(t *testing.T) {
	h := manyShares(50)
	var names []string
	resume := 0
	for calls := 0; ; calls++ {
		got := readEnum1(t, stubOf(t, h, shareEnum, enumStub(1, 700, resume)))
		if want := uint32(50 - len(names)); got.total != want {
			t.Errorf("total = %d with %d seen, want %d", got.total, len(names), want)
		}
		names = append(names, got.names...)
		resume = int(got.resume)
		if got.status == statusSuccess {
			if calls < 3 {
				t.Errorf("a preferred length of 700 bytes took %d calls", calls+1)
			}
			break
		}
		if got.status != statusMoreData || calls > 50 {
			t.Fatalf("call %d: %+v", calls, got)
		}
	}
	for i, s := range h.Shares() {
		if i >= len(names) || names[i] != s.Name {
			t.Fatalf("listed %v, want every share once and in order", names)
		}
	}
	past := readEnum1(t, stubOf(t, h, shareEnum, enumStub(1, 700, 1<<30)))
	if len(past.names) != 0 || past.status != statusSuccess {
		t.Errorf("past the end = %+v, want nothing", past)
	}
}

func TestUnknownLevels(t *testing.T) {
	for name, r := range map[string]*reader{
		"share enum":  stubOf(t, testHost(), shareEnum, enumStub(77, 1000, -1)),
		"server info": stubOf(t, testHost(), serverGetInfo, []byte{0, 0, 0, 0, 99, 0, 0, 0}),
		"wksta info":  stubOf(t, testHost(), wkstaGetInfo, []byte{0, 0, 0, 0, 99, 0, 0, 0}),
	} {
		r.off = len(r.b) - 4
		if got := r.u32("status"); got != statusInvalidLevel {
			t.Errorf("%s at an unknown level = %d, want %d", name, got, statusInvalidLevel)
		}
	}
}

func infoStub(share string, level uint32) []byte {
	var w writer
	w.null()
	w.text(share)
	w.u32(level)
	return w.b
}

func TestShareGetInfo(t *testing.T) {
	tests := []struct {
		name, share string
		level       uint32
		status      uint32
	}{
		{"exact", "dfs", 1, statusSuccess},
		{"other case", "DFS", 502, statusSuccess},
		{"pipe share", "ipc$", 2, statusSuccess},
		{"flags", "dfs", 1005, statusSuccess},
		{"unknown", "nosuch", 1, statusNetName},
		{"unknown level", "dfs", 4711, statusInvalidLevel},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := stubOf(t, testHost(), shareGetInfo, infoStub(tt.share, tt.level))
			r.off = len(r.b) - 4
			if got := r.u32("status"); got != tt.status {
				t.Errorf("NetrShareGetInfo(%q, %d) = %d, want %d", tt.share, tt.level, got, tt.status)
			}
		})
	}
}

func TestFlagsOfANamespace(t *testing.T) {
	r := stubOf(t, testHost(), shareGetInfo, infoStub("dfs", 1005))
	r.u32("level")
	r.u32("pointer")
	if got, want := r.u32("flags"), uint32(flagDFS|flagDFSRoot|flagNoCache); got != want {
		t.Errorf("SHARE_INFO_1005 = %#x, want %#x", got, want)
	}
}

func TestWkstaGetInfo(t *testing.T) {
	r := stubOf(t, testHost(), wkstaGetInfo, []byte{0, 0, 0, 0, 102, 0, 0, 0})
	if level, p := r.u32("level"), r.u32("pointer"); level != 102 || p == 0 {
		t.Fatalf("level %d, pointer %#x", level, p)
	}
	r.take(28, "fixed fields")
	name, domain, root := r.text("name"), r.text("domain"), r.text("LAN root")
	if status := r.u32("status"); name != "FS1" || domain != "CORP" || root != "" || status != 0 || r.err != nil || r.off != len(r.b) {
		t.Errorf("NetrWkstaGetInfo = %q, %q, %q, %d, %v", name, domain, root, status, r.err)
	}
}
