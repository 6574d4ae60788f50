package summary

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"dfsd/replication/status"
)

// carry takes an update over the wire.
func carry(t *testing.T, u *update, now time.Time) *update {
	t.Helper()
	got, err := parseUpdate(u.append(nil, now), now)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestAnyPathEndsAlike: three books that hear of the first at random times and
// through one another know the same in the end, whatever was published,
// removed or missed on the way.
func TestAnyPathEndsAlike(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		now := noon
		books := []*book{newBook("a", "dfsd", 1), newBook("b", "dfsd", 1), newBook("c", "dfsd", 1)}
		tell := func(from, to int) {
			src, dst := books[from].records["a"], books[to].records["a"]
			var has stand
			if dst != nil {
				has = dst.stand
			}
			if src == nil || src.seq == 0 || !src.newer(has) {
				return
			}
			if _, err := books[to].apply(carry(t, src.changesSince(has, now), now), books[from].self, now); err != nil {
				t.Fatal(err)
			}
			if got := books[to].records["a"]; got.stand != src.stand {
				t.Fatalf("seed %d: %v after %v was told", seed, got.stand, src.stand)
			}
		}
		for range 60 {
			now = now.Add(time.Second)
			switch r.IntN(5) {
			case 0:
				tell(0, 1)
			case 1:
				tell(0, 2)
			case 2:
				tell(1, 2)
			case 3:
				tell(2, 1)
			default:
				var all []status.Folder
				for range r.IntN(12) {
					all = append(all, draw(r))
				}
				folders, _ := trimAll(all, now)
				books[0].publish(folders, fmt.Append(nil, r.IntN(2)), now)
			}
		}
		tell(0, 1)
		tell(1, 2)
		want := books[0].own()
		for _, b := range books[1:] {
			got := b.records["a"]
			if want.seq == 0 {
				continue
			}
			if got.stand != want.stand || string(got.notes) != string(want.notes) || len(got.folders) != len(want.folders) {
				t.Fatalf("seed %d: %s knows %v, %d folders, notes %q, want %v, %d, %q", seed, b.self, got.stand, len(got.folders), got.notes, want.stand, len(want.folders), want.notes)
			}
			for i, f := range got.folders {
				if !f.same(want.folders[i]) {
					t.Fatalf("seed %d: %s has %+v, want %+v", seed, b.self, f, want.folders[i])
				}
			}
		}
	}
}

// TestDeltasAreSmall: only what changed is sent, unless something went away.
func TestDeltasAreSmall(t *testing.T) {
	b := newBook("a", "dfsd", 1)
	say := func(all []status.Folder, notes string) {
		folders, _ := trimAll(all, noon)
		b.publish(folders, []byte(notes), noon)
	}
	all := load(100, 3)
	say(all, "n")
	first := b.own().stand
	all[7].Files++
	say(all, "n")
	second := b.own().stand
	if u := b.own().changesSince(first, noon); len(u.folders) != 1 || u.base != first.seq || u.hasNotes {
		t.Errorf("%d folders since %d, notes %v, want 1 and none", len(u.folders), u.base, u.hasNotes)
	}
	say(all, "m")
	if u := b.own().changesSince(second, noon); len(u.folders) != 0 || !u.hasNotes {
		t.Errorf("%d folders, notes %v, want notes alone", len(u.folders), u.hasNotes)
	}
	if u := b.own().changesSince(stand{2, second.seq}, noon); len(u.folders) != 100 || u.base != 0 {
		t.Errorf("%d folders since %d for another boot, want all", len(u.folders), u.base)
	}
	say(all[1:], "m")
	if u := b.own().changesSince(second, noon); len(u.folders) != 99 || u.base != 0 {
		t.Errorf("%d folders since %d after a removal, want all 99", len(u.folders), u.base)
	}
	if b.publish(b.own().folders, []byte("m"), noon) {
		t.Error("the same again is a change")
	}
}

func TestWhatCounts(t *testing.T) {
	base, _ := trim(sample(5), noon)
	tests := []struct {
		name   string
		edit   func(*status.Folder)
		after  time.Duration
		change bool
	}{
		{"nothing", func(*status.Folder) {}, 0, false},
		{"time", func(s *status.Folder) { s.Connections[0].OldestSeconds += 3600 }, time.Hour, false},
		{"another oldest", func(*status.Folder) {}, time.Hour, true},
		{"no oldest", func(s *status.Folder) { s.Connections[0].OldestSeconds = 0 }, 0, true},
		{"bytes on the wire", func(s *status.Folder) { s.Connections[0].SentBytes++ }, 0, false},
		{"path", func(s *status.Folder) { s.Path = "/x" }, 0, false},
		{"state", func(s *status.Folder) { s.State = status.Paused }, 0, true},
		{"error", func(s *status.Folder) { s.Error = "x" }, 0, true},
		{"files", func(s *status.Folder) { s.Files++ }, 0, true},
		{"preserved", func(s *status.Folder) { s.Preserved.Files++ }, 0, true},
		{"unread", func(s *status.Folder) { s.UnreadFiles++ }, 0, true},
		{"backlog", func(s *status.Folder) { s.Connections[0].BacklogFiles++ }, 0, true},
		{"connection", func(s *status.Folder) { s.Connections[0].State = status.Connecting }, 0, true},
		{"progress", func(s *status.Folder) { s.Progress = &status.Progress{} }, 0, true},
	}
	for _, tt := range tests {
		s := sample(5)
		tt.edit(&s)
		f, _ := trim(s, noon.Add(tt.after))
		if base.same(f) == tt.change {
			t.Errorf("%s: a change: %v, want %v", tt.name, !tt.change, tt.change)
		}
	}
}

// TestTooMuch of one's own is cut to what others take.
func TestTooMuch(t *testing.T) {
	folders, cut := trimAll(load(MaxFolders+5, 1), noon)
	if !cut || len(folders) != MaxFolders || fits(folders) != nil {
		t.Errorf("%d folders, cut: %v", len(folders), cut)
	}
	folders, cut = trimAll(load(1, MaxConnections+5), noon)
	if !cut || len(folders[0].status.Connections) != MaxConnections {
		t.Errorf("%d connections, cut: %v", len(folders[0].status.Connections), cut)
	}
	folders, cut = trimAll(load(500, MaxConnections), noon)
	if !cut || len(folders) == 0 || fits(folders) != nil {
		t.Errorf("%d folders, cut: %v, fits: %v", len(folders), cut, fits(folders))
	}
}

func TestRaise(t *testing.T) {
	b := newBook("a", "dfsd", 100)
	if b.raise(stand{99, 50}, noon) || b.raise(stand{}, noon) || b.own().boot != 100 {
		t.Errorf("an older boot raised it to %d", b.own().boot)
	}
	if !b.raise(stand{500, 1}, noon) || b.own().boot != 501 {
		t.Errorf("boot = %d, want 501", b.own().boot)
	}
	if b.raise(stand{900, 1}, noon.Add(Silence/2)) {
		t.Error("raised twice within a moment")
	}
	if b.raise(stand{maxBoot, 1}, noon.Add(time.Hour)) || !b.raise(stand{maxBoot - 1, 1}, noon.Add(time.Hour)) || b.own().boot != maxBoot {
		t.Errorf("boot = %d, want %d", b.own().boot, uint64(maxBoot))
	}
}

func TestBoots(t *testing.T) {
	if a, b := newBoot(noon, 1<<63|0xffff), newBoot(noon.Add(time.Millisecond), 0); a >= b {
		t.Errorf("%d is not before %d", a, b)
	}
	for _, at := range []time.Time{time.Unix(-5, 0), time.Unix(0, 0), time.Unix(1<<55, 0)} {
		if boot := newBoot(at, 0xffff); boot == 0 || boot > maxRelayed {
			t.Errorf("newBoot(%v) = %d", at, boot)
		}
	}
}

func TestLifeOfOthers(t *testing.T) {
	b := newBook("a", "dfsd", 1)
	if _, err := b.apply(&update{host: "x", stand: stand{5, 3}, tick: 10}, "m", noon); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		s    standing
		via  string
		want bool
	}{
		{"the same tick", standing{host: "x", stand: stand{5, 3}, tick: 10}, "m", false},
		{"an older one", standing{host: "x", stand: stand{5, 3}, tick: 9}, "m", false},
		{"a later one", standing{host: "x", stand: stand{5, 3}, tick: 11}, "m", true},
		{"of what is not here", standing{host: "x", stand: stand{5, 4}, tick: 12}, "m", false},
		{"of another boot", standing{host: "x", stand: stand{6, 3}, tick: 12}, "m", false},
		{"of long ago", standing{host: "x", stand: stand{5, 3}, tick: 12, age: Forget}, "m", false},
		{"of one who is not known", standing{host: "y", stand: stand{5, 3}, tick: 12}, "m", false},
		{"of this host", standing{host: "a", stand: stand{1, 0}, tick: 12}, "m", false},
		{"its own, though others said more", standing{host: "x", stand: stand{5, 3}, tick: 4}, "x", true},
	}
	for i, tt := range tests {
		now := noon.Add(time.Duration(i) * time.Minute)
		if got := b.hear(tt.s, tt.via, now); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if r := b.records["x"]; tt.want && (!r.heardAt.Equal(now) || r.via != tt.via) {
			t.Errorf("%s: heard at %v via %s", tt.name, r.heardAt, r.via)
		}
	}
}

// TestGapsAreNotBridged: a change of what is not here is not taken.
func TestGapsAreNotBridged(t *testing.T) {
	b := newBook("a", "dfsd", 1)
	if changed, err := b.apply(&update{host: "x", stand: stand{5, 3}, base: 2}, "m", noon); changed || err != nil {
		t.Errorf("a change of an unknown host: %v, %v", changed, err)
	}
	if changed, err := b.apply(&update{host: "x", stand: stand{5, 3}}, "m", noon); !changed || err != nil {
		t.Errorf("a whole update: %v, %v", changed, err)
	}
	tests := []struct {
		name string
		s    stand
		base uint64
		want bool
	}{
		{"from later on", stand{5, 6}, 4, false},
		{"of another boot", stand{6, 6}, 3, false},
		{"an old one", stand{5, 3}, 2, false},
		{"from before", stand{5, 6}, 2, true},
	}
	for _, tt := range tests {
		if changed, err := b.apply(&update{host: "x", stand: tt.s, base: tt.base}, "m", noon); changed != tt.want || err != nil {
			t.Errorf("%s: %v, %v, want %v", tt.name, changed, err, tt.want)
		}
	}
}
