package resolve

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// book is a Lookuper that answers from memory and takes its time.
type book struct {
	mu      sync.Mutex
	took    time.Duration
	say     func(host string) (Answer, error)
	asked   map[string][]time.Time
	running int
	most    int
}

func newBook(say func(host string) (Answer, error)) *book {
	return &book{say: say, asked: map[string][]time.Time{}}
}

func (b *book) Addresses(ctx context.Context, host string) (Answer, error) {
	b.mu.Lock()
	b.asked[host] = append(b.asked[host], time.Now())
	b.running++
	b.most = max(b.most, b.running)
	say, took := b.say, b.took
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.running--
		b.mu.Unlock()
	}()
	select {
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	case <-time.After(took):
		return say(host)
	}
}

func (b *book) become(say func(host string) (Answer, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.say = say
}

// times returns when host was asked for, since the start of the bubble, and
// forgets it.
func (b *book) times(host string) []time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	var since []time.Duration
	for _, at := range b.asked[host] {
		since = append(since, at.Sub(epoch))
	}
	delete(b.asked, host)
	return since
}

// epoch is when every synctest bubble begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func always(a Answer, err error) func(string) (Answer, error) {
	return func(string) (Answer, error) { return Answer{slices.Clone(a.Addrs), a.TTL, a.Partial}, err }
}

// bubble runs a cache over b without jitter in a bubble of its own.
func bubble(t *testing.T, b *book, body func(t *testing.T, h *Hosts)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := NewHosts(b, HostsOptions{Random: func(int64) int64 { return 0 }})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.Run(ctx) }()
		body(t, h)
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// pass lets time go by until everything has come to rest.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func changed(h *Hosts) bool {
	select {
	case <-h.Changed():
		return true
	default:
		return false
	}
}

func seconds(list ...int) []time.Duration {
	var d []time.Duration
	for _, s := range list {
		d = append(d, time.Duration(s)*time.Second)
	}
	return d
}

func TestHostsLearnAndRefresh(t *testing.T) {
	b := newBook(always(Answer{Addrs: addrs("10.0.0.2", "10.0.0.1"), TTL: 20 * time.Second}, nil))
	bubble(t, b, func(t *testing.T, h *Hosts) {
		if got := h.Addrs("fs.lab"); got != nil {
			t.Errorf("unknown host: %v", got)
		}
		h.Watch([]string{"FS.lab", "fs.lab."})
		pass(0)
		for _, host := range []string{"fs.lab", "FS.LAB."} {
			if got := h.Addrs(host); !slices.Equal(got, addrs("10.0.0.1", "10.0.0.2")) {
				t.Errorf("%s: %v", host, got)
			}
		}
		if !changed(h) || changed(h) {
			t.Error("the change was not told, or twice")
		}
		b.become(always(Answer{Addrs: addrs("10.0.0.1", "10.0.0.2"), TTL: time.Second}, nil))
		pass(20 * time.Second)
		if changed(h) {
			t.Error("another order is no change")
		}
		pass(12 * time.Second)
		if got, want := b.times("FS.lab"), seconds(0, 20, 25, 30); !slices.Equal(got, want) {
			t.Errorf("asked at %v, want %v", got, want)
		}
		b.become(always(Answer{Addrs: addrs("10.0.0.3"), TTL: time.Second}, nil))
		pass(5 * time.Second)
		if !changed(h) || !slices.Equal(h.Addrs("fs.lab"), addrs("10.0.0.3")) {
			t.Errorf("moved host: %v", h.Addrs("fs.lab"))
		}
		if f := h.Faults(); len(f) != 0 {
			t.Errorf("faults %v", f)
		}
	})
}

func TestHostsKeepAddressesWhileTheDNSFails(t *testing.T) {
	fault := fmt.Errorf("address of fs: %w", ErrServers)
	b := newBook(always(Answer{Addrs: addrs("10.0.0.1"), TTL: 10 * time.Second}, nil))
	bubble(t, b, func(t *testing.T, h *Hosts) {
		h.Watch([]string{"fs"})
		pass(0)
		changed(h)
		b.become(always(Answer{}, fault))
		pass(10*time.Second + 5*time.Minute)
		if !slices.Equal(h.Addrs("fs"), addrs("10.0.0.1")) || changed(h) {
			t.Errorf("dropped: %v", h.Addrs("fs"))
		}
		if got, want := b.times("fs"), seconds(0, 10, 15, 25, 45, 85, 139, 193, 247, 301); !slices.Equal(got, want) {
			t.Errorf("asked at %v, want %v", got, want)
		}
		got := h.Faults()["fs"]
		if !errors.Is(got.Err, fault) || got.Since.Sub(epoch) != 10*time.Second || got.Kept != 1 {
			t.Errorf("fault %+v", got)
		}
		b.become(always(Answer{Addrs: addrs("10.0.0.1"), TTL: 10 * time.Second}, nil))
		pass(time.Minute)
		if len(h.Faults()) != 0 || changed(h) {
			t.Errorf("after the failure: %v", h.Faults())
		}
	})
}

// TestHostsDropAddressesAtTheThirdDenial: failures in between neither count nor
// begin the count anew; an answer with addresses does.
func TestHostsDropAddressesAtTheThirdDenial(t *testing.T) {
	e := &entry{host: "fs"}
	none := func(int64) int64 { return 0 }
	good := Answer{Addrs: addrs("10.0.0.1"), TTL: time.Minute}
	steps := []struct {
		answer  Answer
		err     error
		kept    int
		changed bool
		pause   time.Duration
	}{
		{answer: Answer{TTL: time.Minute}, err: ErrNotFound, pause: time.Minute},
		{answer: good, kept: 1, changed: true, pause: time.Minute},
		{answer: Answer{TTL: 2 * time.Minute}, err: ErrNotFound, kept: 1, pause: 2 * time.Minute},
		{answer: Answer{TTL: time.Second}, err: ErrNoAddress, kept: 1, pause: 5 * time.Second},
		{answer: good, kept: 1, pause: time.Minute},
		{answer: Answer{TTL: time.Minute}, err: ErrNoAddress, kept: 1, pause: time.Minute},
		{err: ErrServers, kept: 1, pause: 5 * time.Second},
		{err: context.DeadlineExceeded, kept: 1, pause: 10 * time.Second},
		{answer: Answer{TTL: time.Minute}, err: ErrNotFound, kept: 1, pause: time.Minute},
		{err: ErrServers, kept: 1, pause: 5 * time.Second},
		{answer: Answer{TTL: time.Minute}, err: ErrNotFound, changed: true, pause: time.Minute},
		{answer: Answer{TTL: time.Minute}, err: ErrNotFound, pause: time.Minute},
		{answer: good, kept: 1, changed: true, pause: time.Minute},
	}
	for i, s := range steps {
		now := epoch.Add(time.Duration(i) * time.Hour)
		changed := e.learn(now, s.answer, s.err, none)
		if changed != s.changed || len(e.addrs) != s.kept || e.due.Sub(now) != s.pause {
			t.Errorf("step %d: changed %v, %d kept, again after %v, want %+v", i, changed, len(e.addrs), e.due.Sub(now), s)
		}
	}
}

func TestHostsKeepTheFamilyThatCouldNotBeAsked(t *testing.T) {
	e := &entry{}
	none := func(int64) int64 { return 0 }
	for i, s := range []struct {
		answer Answer
		want   []netip.Addr
	}{
		{Answer{Addrs: addrs("10.0.0.1", "2001:db8::1")}, addrs("10.0.0.1", "2001:db8::1")},
		{Answer{Addrs: addrs("10.0.0.2"), Partial: true}, addrs("10.0.0.2", "2001:db8::1")},
		{Answer{Addrs: addrs("2001:db8::2"), Partial: true}, addrs("10.0.0.2", "2001:db8::2")},
		{Answer{Addrs: addrs("10.0.0.3")}, addrs("10.0.0.3")},
	} {
		if e.learn(epoch, s.answer, nil, none); !slices.Equal(e.addrs, s.want) {
			t.Errorf("step %d: %v, want %v", i, e.addrs, s.want)
		}
	}
}

func TestAddressGivenAsHostIsAskedForOnce(t *testing.T) {
	b := newBook(always(Answer{Addrs: addrs("10.0.0.1")}, nil))
	bubble(t, b, func(t *testing.T, h *Hosts) {
		h.Watch([]string{"10.0.0.1"})
		pass(100 * time.Hour)
		h.Watch([]string{"10.0.0.1", "10.0.0.1"})
		pass(100 * time.Hour)
		if n := len(b.times("10.0.0.1")); n != 1 || len(h.Addrs("10.0.0.1")) != 1 {
			t.Errorf("asked %d times, %v", n, h.Addrs("10.0.0.1"))
		}
		h.Watch(nil)
		if h.Addrs("10.0.0.1") != nil {
			t.Error("still known")
		}
	})
}

func TestHostsForgetWhatIsNotWatched(t *testing.T) {
	b := newBook(always(Answer{Addrs: addrs("10.0.0.1"), TTL: time.Minute}, nil))
	b.took = 10 * time.Second
	bubble(t, b, func(t *testing.T, h *Hosts) {
		h.Watch([]string{"a", "b"})
		pass(time.Second)
		h.Watch([]string{"b"}) // a's lookup is under way
		pass(time.Second)
		h.Watch([]string{"a", "b"}) // and a is new
		pass(9 * time.Second)
		if h.Addrs("a") != nil || h.Addrs("b") == nil {
			t.Errorf("a %v, b %v: an outcome went to the wrong entry", h.Addrs("a"), h.Addrs("b"))
		}
		pass(time.Second)
		if h.Addrs("a") == nil {
			t.Error("a is not known")
		}
		h.Watch([]string{"a"}) // b waits in the queue
		pass(10 * time.Minute)
		if h.Addrs("b") != nil || len(b.times("b")) != 1 {
			t.Error("b was asked for unwatched")
		}
		if n := len(b.times("a")); n < 8 || len(h.queue) > 1 {
			t.Errorf("a was asked for %d times, queue %d", n, len(h.queue))
		}
	})
}

// TestTenThousandHosts: no more than 16 lookups at once, every host learnt, and
// one word of change for many changes. Refreshes spread by the jitter.
func TestTenThousandHosts(t *testing.T) {
	const n = 10_000
	hosts := numbered(n, func(i string) string { return "fs" + i + ".corp.lab" })
	b := newBook(always(Answer{Addrs: addrs("10.0.0.1"), TTL: 10 * time.Minute}, nil))
	b.took = 10 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		h := NewHosts(b, HostsOptions{Random: random.Int64N})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.Run(ctx) }()
		h.Watch(hosts)
		pass(n / atOnce * b.took)
		if i := slices.IndexFunc(hosts, func(host string) bool { return len(h.Addrs(host)) != 1 }); i >= 0 {
			t.Errorf("%s is not known", hosts[i])
		}
		if !changed(h) || changed(h) {
			t.Error("the changes were not told as one")
		}
		pass(20 * time.Minute)
		b.mu.Lock()
		most := b.most
		b.mu.Unlock()
		if most != atOnce {
			t.Errorf("%d lookups at once, want %d", most, atOnce)
		}
		least, spread := 9, map[time.Duration]bool{}
		for _, host := range hosts {
			times := b.times(host)
			least = min(least, len(times))
			if len(times) > 1 {
				if gap := times[1] - times[0]; gap < 10*time.Minute || gap > 11*time.Minute+time.Second {
					t.Fatalf("%s was asked for again after %v", host, gap)
				}
				spread[(times[1] - times[0]).Truncate(time.Second)] = true
			}
		}
		if least < 2 || len(spread) < 50 {
			t.Errorf("asked %d times at least, refreshed in %d different seconds", least, len(spread))
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestRunEndsAndResumes: what was under way is neither an error nor lost.
func TestRunEndsAndResumes(t *testing.T) {
	b := newBook(always(Answer{Addrs: addrs("10.0.0.1"), TTL: time.Minute}, nil))
	b.took = 10 * time.Second
	synctest.Test(t, func(t *testing.T) {
		h := NewHosts(b, HostsOptions{})
		h.Watch([]string{"fs"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Run(ctx); err != nil || len(h.Faults()) != 0 || h.busy != 0 {
			t.Errorf("%v, faults %v, %d busy", err, h.Faults(), h.busy)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := h.Run(ctx); err != nil || len(h.Addrs("fs")) != 1 {
			t.Errorf("%v, addresses %v", err, h.Addrs("fs"))
		}
	})
}

// TestLookupThatHangs gives its place free.
func TestLookupThatHangs(t *testing.T) {
	b := newBook(always(Answer{}, nil))
	b.took = 1000 * time.Hour
	bubble(t, b, func(t *testing.T, h *Hosts) {
		h.Watch(numbered(2*atOnce, func(i string) string { return "fs" + i }))
		pass(2*lookupLimit + time.Second)
		if got := len(h.Faults()); got != 2*atOnce {
			t.Errorf("%d faults", got)
		}
	})
}

// TestPauseStaysWithinItsBounds whatever has happened.
func TestPauseStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &entry{}
		random := func(n int64) int64 { return rapid.Int64Range(0, n-1).Draw(t, "random") }
		for range rapid.IntRange(1, 40).Draw(t, "lookups") {
			answer := Answer{Addrs: addrs("10.0.0.1"), TTL: time.Duration(rapid.Int64Range(1, int64(100*time.Hour)).Draw(t, "ttl"))}
			err := rapid.SampledFrom([]error{nil, ErrServers, ErrNotFound}).Draw(t, "err")
			e.learn(epoch, answer, err, random)
			wait, most := e.due.Sub(epoch), maxTTL+maxTTL/10
			if errors.Is(err, ErrServers) {
				most = lastRetry
			}
			if wait < soonest || wait > most || err == nil && wait < min(answer.TTL, maxTTL) {
				t.Fatalf("after %v and %v: %v", answer.TTL, err, wait)
			}
		}
	})
}

// TestHostsOverARealServer puts the whole package together.
func TestHostsOverARealServer(t *testing.T) {
	f := serve(t, zone(t, 0, "fs1.lab. 600 A 10.0.0.1"))
	h := NewHosts(client(t, Options{}, f), HostsOptions{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	h.Watch([]string{"fs1.lab", "fs2.lab", "10.0.0.9"})
	limit := time.After(20 * time.Second)
	for len(h.Addrs("fs1.lab")) == 0 || len(h.Addrs("10.0.0.9")) == 0 {
		select {
		case <-h.Changed():
		case <-limit:
			t.Fatal("no change was told")
		}
	}
	for len(h.Faults()) == 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-limit:
			t.Fatal("no fault was seen")
		}
	}
	if fault := h.Faults()["fs2.lab"]; !errors.Is(fault.Err, ErrNotFound) || !strings.Contains(fault.Err.Error(), "fs2.lab") {
		t.Errorf("fault %v", fault)
	}
	f.become(says(dns.RcodeServerFailure))
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
