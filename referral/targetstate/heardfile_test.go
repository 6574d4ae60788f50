package targetstate

import (
	"errors"
	"os"
	"reflect"
	"strconv"
	"testing"
	"time"
)

func TestHeardIsKept(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir)
	if got, err := st.Heard(); len(got) != 0 || err != nil {
		t.Errorf("Heard() of nothing = %v, %v", got, err)
	}
	want := []Heard{{Host: "ns2", At: noon.UTC(), Notes: []byte(`{"x":1}`)}, {Host: "ns3", At: noon.UTC(), Notes: []byte("y")}}
	if kept, err := st.SaveHeard([]Heard{want[1], {At: noon}, want[0]}); err != nil || !reflect.DeepEqual(kept, want) {
		t.Errorf("SaveHeard() = %+v, %v", kept, err)
	}
	if got, err := openStore(t, dir).Heard(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Heard() = %+v, %v, want %+v", got, err, want)
	}
	b, err := os.ReadFile(st.heardPath())
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		bad := append([]byte{}, b...)
		bad[i] ^= 1
		for _, damaged := range [][]byte{bad, b[:i:i]} {
			if err := os.WriteFile(st.heardPath(), damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := openStore(t, dir).Heard(); err == nil || len(got) > 0 {
				t.Fatalf("Heard() of a damaged file = %+v, %v", got, err)
			}
		}
	}
	if _, err := st.Heard(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Heard() = %v, want ErrCorrupt", err)
	}
}

func TestHeardIsBounded(t *testing.T) {
	var many []Heard
	for i := range 3 * MaxHeard {
		many = append(many, Heard{Host: strconv.Itoa(1000 + i), At: noon, Notes: []byte("x")})
	}
	if got := boundHeard(many); len(got) != MaxHeard || got[0].Host != "1000" {
		t.Errorf("%d are kept", len(got))
	}
	many[1].Notes = make([]byte, maxHeard)
	if got := boundHeard(many); len(got) != 1 {
		t.Errorf("%d are kept with one that is too large, want the one before it", len(got))
	}
}

// TestClockSetBack: a decision from a time that has not come yet counts from now.
func TestClockSetBack(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir)
	d := onTarget(Drained, `\\fs2\projects`)
	d.At, d.TakenOut = noon.Add(time.Hour), noon.Add(2*time.Hour)
	set(t, st, d)
	fine := onTarget(Drained, `\\fs3\projects`)
	fine.At = noon.Add(TableDelay)
	set(t, st, fine)
	if n, err := st.Recount(noon); n != 1 || err != nil {
		t.Errorf("Recount() = %d, %v", n, err)
	}
	all := openStore(t, dir).All(noon)
	if !all[0].At.Equal(noon) || !all[0].TakenOut.Equal(noon) || !all[0].Finished.IsZero() || !all[1].At.Equal(fine.At) {
		t.Errorf("All() = %+v", all)
	}
	if n, err := st.Recount(noon); n != 0 || err != nil {
		t.Errorf("Recount() once more = %d, %v", n, err)
	}
}

// TestAllIsMadeOnce: who compares what holds with what held need not read it.
func TestAllIsMadeOnce(t *testing.T) {
	st := openStore(t, t.TempDir())
	d := onTarget(Offline, `\\fs2\projects`)
	d.Until = noon.Add(time.Hour)
	set(t, st, d)
	set(t, st, onTarget(Offline, `\\fs3\projects`))
	a, b := st.All(noon), st.All(noon)
	if len(a) != 2 || &a[0] != &b[0] {
		t.Errorf("All() = %v, and then another", a)
	}
	if late := st.All(noon.Add(time.Hour)); len(late) != 1 || len(st.All(noon)) != 2 {
		t.Errorf("All() after one has expired = %v", late)
	}
}

// TestDotsOfHosts: whatever spelling a decision was made by, another one ends it.
func TestDotsOfHosts(t *testing.T) {
	st := openStore(t, t.TempDir())
	set(t, st, Decision{Kind: Offline, Host: "FS2", At: noon})
	if ended, err := st.Clear(Scope{Host: "fs2."}); len(ended) != 1 || err != nil {
		t.Errorf("Clear() = %v, %v", ended, err)
	}
}
