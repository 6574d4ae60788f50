package adsites

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// answer is one message of a search that stands open.
type answer struct {
	entry    *ldap.Entry
	controls []ldap.Control
}

// answers are the messages of a search, which then ends with err, or with ctx
// where err is nil.
type answers struct {
	list []answer
	err  error
	ctx  context.Context
	at   int
}

func (a *answers) Next() bool {
	if a.at++; a.at <= len(a.list) {
		return true
	}
	if a.err == nil {
		<-a.ctx.Done()
	}
	return false
}
func (a *answers) Entry() *ldap.Entry       { return a.list[a.at-1].entry }
func (a *answers) Controls() []ldap.Control { return a.list[a.at-1].controls }
func (a *answers) Referral() string         { return "" }
func (a *answers) Err() error               { return a.err }

// uuidOf is the identity of the object called name, of up to 16 letters.
func uuidOf(name string) (id [16]byte) {
	copy(id[:], name)
	return id
}

func told(state ldap.ControlSyncStateState, name, value string) answer {
	return answer{
		entry:    ldap.NewEntry("ou="+name, map[string][]string{"ou": {value}}),
		controls: []ldap.Control{&ldap.ControlSyncState{State: state, EntryUUID: uuidOf(name)}},
	}
}

func listed(gone bool, names ...string) answer {
	set := &ldap.ControlSyncInfoSyncIdSet{RefreshDeletes: gone}
	for _, n := range names {
		set.SyncUUIDs = append(set.SyncUUIDs, uuidOf(n))
	}
	return answer{controls: []ldap.Control{&ldap.ControlSyncInfo{SyncIdSet: set}}}
}

func presentEnds(done bool) answer {
	return answer{controls: []ldap.Control{&ldap.ControlSyncInfo{RefreshPresent: &ldap.ControlSyncInfoRefreshPresent{RefreshDone: done}}}}
}

func deletesEnd(done bool) answer {
	return answer{controls: []ldap.Control{&ldap.ControlSyncInfo{RefreshDelete: &ldap.ControlSyncInfoRefreshDelete{RefreshDone: done}}}}
}

// newTestFeed is a feed that holds sites A, B and C.
func newTestFeed(woken chan struct{}) (*feed, context.Context) {
	ctx, stop := context.WithCancel(context.Background())
	c := newContent()
	for _, n := range []string{"A", "B", "C"} {
		id := uuidOf(n)
		c.sites[string(id[:])] = siteRow{"ou=" + n, n}
	}
	return &feed{stop: stop, content: c, woken: woken, now: time.Now}, ctx
}

func siteNames(raw rows) string {
	var names []string
	for _, s := range raw.sites {
		names = append(names, s.name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestFeed: what a server tells, while it refreshes and later (RFC 4533 3.3.2,
// 3.4.1), and what is held then.
func TestFeed(t *testing.T) {
	const add, modify, remove, present = ldap.SyncStateAdd, ldap.SyncStateModify, ldap.SyncStateDelete, ldap.SyncStatePresent
	for _, tt := range []struct {
		name  string
		tells []answer
		begun bool
		want  string
	}{
		{"nothing yet", nil, false, "A B C"},
		{"nothing changed", []answer{deletesEnd(true)}, true, "A B C"},
		{"nothing changed, nothing listed", []answer{presentEnds(true)}, true, "A B C"},
		{"deletions listed", []answer{listed(true, "A", "C"), deletesEnd(true)}, true, "B"},
		{"deletions told one by one", []answer{told(remove, "A", ""), deletesEnd(true)}, true, "B C"},
		{"changes and deletions", []answer{told(modify, "B", "Bern"), told(add, "D", "D"), listed(true, "A"), deletesEnd(true)}, true, "Bern C D"},
		{"what is there listed", []answer{listed(false, "A", "B"), presentEnds(true)}, true, "A B"},
		{"listed in parts", []answer{listed(false, "A"), listed(false, "C"), presentEnds(true)}, true, "A C"},
		{"present one by one", []answer{told(present, "B", ""), presentEnds(true)}, true, "B"},
		{"what was added counts as there", []answer{listed(false, "A"), told(add, "D", "D"), presentEnds(true)}, true, "A D"},
		{"both phases", []answer{listed(false, "A", "B"), presentEnds(false), listed(true, "A"), deletesEnd(true)}, true, "B"},
		{"the first phase alone", []answer{listed(false, "A", "B"), presentEnds(false)}, false, "A B"},
		{"the list has not ended", []answer{listed(false, "A")}, false, "A B C"},
		{"changes after", []answer{deletesEnd(true), told(modify, "A", "Aachen"), told(remove, "C", "")}, true, "Aachen B"},
		{"a list after deletes nothing", []answer{deletesEnd(true), listed(false, "A"), presentEnds(true)}, true, "A B C"},
		{"deletions listed after", []answer{deletesEnd(true), listed(true, "B")}, true, "A C"},
		{"deleted and there again", []answer{deletesEnd(true), told(remove, "C", ""), told(add, "C", "Cork")}, true, "A B Cork"},
		{"of no kind known", []answer{deletesEnd(true), told(remove, "X", ""), {}}, true, "A B C"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, ctx := newTestFeed(make(chan struct{}, 1))
				begun := make(chan error, 9)
				k := validMapping().kinds()[0]
				f.running.Go(func() { f.follow(k, &answers{list: tt.tells, ctx: ctx}, begun) })
				synctest.Wait()
				if got := len(begun) == 1; got != tt.begun || got && <-begun != nil {
					t.Errorf("begun = %v, want %v", got, tt.begun)
				}
				raw, changes, err := f.snapshot(t.Context())
				if got := siteNames(raw); err != nil || got != tt.want {
					t.Errorf("holds %q, %v, want %q", got, err, tt.want)
				}
				if moved, err := f.since(0); moved != (changes > 0) || err != nil {
					t.Errorf("since(0) = %v, %v after %d changes", moved, err, changes)
				}
				if got := len(f.woken) == 1; got != (changes > 0) {
					t.Errorf("woken = %v after %d changes", got, changes)
				}
				f.close()
			})
		})
	}
}

// TestFeedEnds: a feed that breaks says why, once to who started it, and holds
// nothing that could pass for a topology.
func TestFeedEnds(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name  string
		tells []answer
		err   error
		begun string
		want  string
	}{
		{"before it began", nil, broken, "[broken]", "broken"},
		{"later", []answer{deletesEnd(true)}, broken, "[<nil>]", "broken"},
		{
			"an object without its state",
			[]answer{{entry: ldap.NewEntry("ou=A", nil)}},
			nil,
			"[an object comes without its state]", "an object comes without its state",
		},
		{
			"the same later",
			[]answer{deletesEnd(true), {entry: ldap.NewEntry("ou=A", nil)}},
			nil,
			"[<nil>]", "an object comes without its state",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, ctx := newTestFeed(make(chan struct{}, 1))
				begun := make(chan error, 9)
				f.running.Go(func() { f.follow(validMapping().kinds()[0], &answers{list: tt.tells, err: tt.err, ctx: ctx}, begun) })
				synctest.Wait()
				close(begun)
				var said []error
				for err := range begun {
					said = append(said, err)
				}
				if got := fmt.Sprint(said); got != tt.begun {
					t.Errorf("begun = %s, want %s", got, tt.begun)
				}
				raw, _, err := f.snapshot(t.Context())
				if err == nil || err.Error() != tt.want || len(raw.sites) > 0 {
					t.Errorf("snapshot() = %v, %v, want %s", raw, err, tt.want)
				}
				if _, err := f.since(0); err == nil || err.Error() != tt.want || len(f.woken) != 1 || ctx.Err() == nil || f.stale() {
					t.Errorf("since() = %v, woken %d, stopped %v, want %s", err, len(f.woken), ctx.Err(), tt.want)
				}
				f.close()
			})
		})
	}
}

// TestFeedSettles: what comes within a moment is taken together, and what never
// ends is taken in between.
func TestFeedSettles(t *testing.T) {
	for _, tt := range []struct {
		every time.Duration
		times int
		want  time.Duration
	}{{0, 0, 0}, {0, 1, settled}, {settled / 2, 4, settled/2*4 + settled}, {settled / 2, 1000, restless}} {
		synctest.Test(t, func(t *testing.T) {
			f, _ := newTestFeed(make(chan struct{}, 1))
			touch := func() { f.mu.Lock(); f.changed(); f.mu.Unlock() }
			if tt.times > 0 {
				touch()
			}
			f.running.Go(func() {
				for range tt.times {
					time.Sleep(tt.every)
					touch()
				}
			})
			began := time.Now()
			if _, _, err := f.snapshot(t.Context()); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took != tt.want {
				t.Errorf("%d changes every %v: taken after %v, want %v", tt.times, tt.every, took, tt.want)
			}
			if f.close(); tt.times < 1000 && !f.stale() {
				t.Error("not stale after it was taken")
			}
			if touch(); f.stale() {
				t.Error("stale with a change that was not taken")
			}
		})
	}
}

// TestWoken: a change that the server tells is looked for at once, but no sooner
// than a while after the reading before.
func TestWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{begin: time.Now(), read: func(int) error { return nil }, changed: func(int) (bool, error) { return true, nil }}
		ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
		defer stop()
		woken := make(chan struct{}, 1)
		f := follower{
			topology: s, options: FollowOptions{Poll: 3 * time.Second, Random: func() float64 { return 0 }}, refresh: time.Hour, now: time.Now, woken: woken,
			deliver: func(r Reading) { s.notef("got %s", r.Server) }, failed: func(err error) { s.notef("%v", err) },
		}
		for _, after := range []time.Duration{10 * time.Millisecond, 800 * time.Millisecond} {
			time.AfterFunc(after, func() { woken <- struct{}{} })
		}
		f.run(ctx)
		want := fmt.Sprintf("0s got 1, %v got 2, %v got 3", rest, 2*rest)
		if got := strings.Join(s.log, ", "); got != want+", 4s got 4" && got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	})
}

// TestContentRows: rows hold every object once.
func TestContentRows(t *testing.T) {
	c := newContent()
	ks := validMapping().kinds()
	for i, k := range ks {
		for _, id := range []string{"1", "2", "2"} {
			k.put(c, id, ldap.NewEntry(fmt.Sprintf("cn=%d%s", i, id), map[string][]string{
				"ou": {"s" + id}, "description": {"10." + id + ".0.0/16", "10.1" + id + ".0.0/16"}, "l": {"s" + id}, "cn": {"l" + id}, "member": {"s1", "s2"},
			}))
		}
	}
	raw := c.rows()
	if c.size() != 6 || len(raw.sites) != 2 || len(raw.subnets) != 4 || len(raw.links) != 2 {
		t.Errorf("%d objects, rows %v", c.size(), raw)
	}
	for _, k := range ks {
		if got := slices.Sorted(slices.Values(k.ids(c))); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("ids = %q", got)
		}
		k.remove(c, "1")
	}
	if left := slices.Collect(maps.Keys(c.sites)); c.size() != 3 || !slices.Equal(left, []string{"2"}) {
		t.Errorf("%d objects after three have gone, sites %q", c.size(), left)
	}
}

func TestIdentityOf(t *testing.T) {
	for _, tt := range []struct {
		uuid string
		want string
		is   bool
	}{
		{"", "cn=x", false},
		{"00112233-4455-6677-8899-aabbccddeeff", "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", true},
		{"00112233-4455-6677-8899-aabbccddee", "cn=x", false},
		{"00112233-4455-6677-8899-aabbccddeefg", "cn=x", false},
	} {
		id, is := identityOf(ldap.NewEntry("cn=x", map[string][]string{"EntryUUID": {tt.uuid}}))
		if id != tt.want || is != tt.is {
			t.Errorf("identityOf(%q) = %q, %v, want %q, %v", tt.uuid, id, is, tt.want, tt.is)
		}
	}
}

// size is how many objects c holds.
func (c *content) size() int { return len(c.sites) + len(c.subnets) + len(c.links) }
