package summary

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"dfsd/replication/status"
)

// pipeBuffer is what a direction of a connection of a test holds, in bytes.
const pipeBuffer = 64 << 10

// half is one direction of a connection with a bounded buffer.
type half struct {
	mu       sync.Mutex // guards all below
	data     []byte
	closed   bool
	total    int
	readBy   time.Time
	writeBy  time.Time
	readable chan struct{}
	writable chan struct{}
}

func newHalf() *half {
	return &half{readable: make(chan struct{}, 1), writable: make(chan struct{}, 1)}
}

func ring(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// await waits for c or the deadline.
func await(c chan struct{}, by time.Time) error {
	if by.IsZero() {
		<-c
		return nil
	}
	t := time.NewTimer(time.Until(by))
	defer t.Stop()
	select {
	case <-c:
		return nil
	case <-t.C:
		return os.ErrDeadlineExceeded
	}
}

func (h *half) read(p []byte) (int, error) {
	for {
		h.mu.Lock()
		if len(h.data) > 0 {
			n := copy(p, h.data)
			h.data = h.data[n:]
			h.mu.Unlock()
			ring(h.writable)
			return n, nil
		}
		closed, by := h.closed, h.readBy
		h.mu.Unlock()
		if closed {
			return 0, io.EOF
		}
		if err := await(h.readable, by); err != nil {
			return 0, err
		}
	}
}

func (h *half) write(p []byte) (n int, err error) {
	for len(p) > 0 {
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			return n, io.ErrClosedPipe
		}
		m := min(len(p), pipeBuffer-len(h.data))
		h.data = append(h.data, p[:m]...)
		h.total += m
		by := h.writeBy
		h.mu.Unlock()
		n, p = n+m, p[m:]
		if m > 0 {
			ring(h.readable)
			continue
		}
		if err := await(h.writable, by); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (h *half) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	ring(h.readable)
	ring(h.writable)
}

// end is one end of a connection within the process.
type end struct {
	net.Conn // nil; what is missing panics
	in, out  *half
}

func newPipe() (a, b *end) {
	x, y := newHalf(), newHalf()
	return &end{in: x, out: y}, &end{in: y, out: x}
}

func (e *end) Read(p []byte) (int, error)  { return e.in.read(p) }
func (e *end) Write(p []byte) (int, error) { return e.out.write(p) }
func (e *end) Close() error {
	e.in.close()
	e.out.close()
	return nil
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	e.in.readBy = t
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	e.out.mu.Lock()
	defer e.out.mu.Unlock()
	e.out.writeBy = t
	return nil
}

// world is a network of hosts within a synctest bubble.
type world struct {
	t       *testing.T
	ctx     context.Context
	mu      sync.Mutex // guards all below
	hosts   map[string]*member
	cuts    map[[2]string]bool
	open    map[*end][2]string
	dials   int
	latency time.Duration // of a dial
	names   []string      // of the configuration; nil: of the hosts
	members []string      // nil: all
}

// member is one host of a world.
type member struct {
	w    *world
	name string
	x    *Exchange
	ctx  context.Context
	stop func()
	wg   *sync.WaitGroup
	logs *observer.ObservedLogs
	// knows is the configuration of this host where it differs; nil: that of
	// the world. Guarded by world.mu.
	knows []string
}

var errCut = errors.New("no route to host")

// inWorld runs test in a bubble; when it returns all hosts stop.
func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, ctx: t.Context(), hosts: map[string]*member{}, cuts: map[[2]string]bool{}, open: map[*end][2]string{}}
		test(w)
		for _, name := range w.running() {
			w.halt(name)
		}
	})
}

// configure makes all the hosts of the configuration.
func (w *world) configure(all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names = all
}

func (w *world) configured(m *member) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.knows != nil {
		return m.knows
	}
	return w.names
}

func (w *world) running() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for name := range w.hosts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// dialled is how many times a host dialled.
func (w *world) dialled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dials
}

// start starts a host that dials peers.
func (w *world) start(name string, peers ...string) *member {
	core, logs := observer.New(zap.InfoLevel)
	m := &member{w: w, name: name, wg: &sync.WaitGroup{}, logs: logs}
	m.ctx, m.stop = context.WithCancel(w.ctx)
	o := Options{
		Host: name, Software: "dfsd 1", Log: zap.New(core), Dial: m.dial,
		Known: func() []string {
			if all := w.configured(m); all != nil {
				return all
			}
			// Those that it dials it knows before they run.
			return slices.Compact(slices.Sorted(slices.Values(append(w.running(), peers...))))
		},
		Peers: func() []Peer {
			var all []Peer
			for _, p := range peers {
				all = append(all, Peer{Host: p, Address: p + ":1"})
			}
			return all
		},
	}
	if w.members != nil {
		o.Members = func() []string { return w.members }
	}
	m.x = NewExchange(o)
	w.mu.Lock()
	w.hosts[name] = m
	w.mu.Unlock()
	m.wg.Go(func() {
		if err := m.x.Run(m.ctx); err != nil {
			w.t.Errorf("Run of %s = %v", name, err)
		}
	})
	return m
}

// halt ends a host and waits until nothing of it runs.
func (w *world) halt(name string) {
	w.mu.Lock()
	m := w.hosts[name]
	delete(w.hosts, name)
	w.mu.Unlock()
	m.stop()
	m.wg.Wait()
}

func (m *member) dial(_ context.Context, p Peer) (net.Conn, error) {
	w := m.w
	time.Sleep(w.latency)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dials++
	to := w.hosts[p.Host]
	if to == nil || w.cuts[pairOf(m.name, p.Host)] {
		return nil, errCut
	}
	ours, theirs := newPipe()
	w.open[ours] = pairOf(m.name, p.Host)
	to.wg.Go(func() { to.x.Serve(to.ctx, m.name, theirs) })
	return ours, nil
}

func pairOf(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// cut takes the connection between two hosts away, and heal gives it back.
func (w *world) cut(a, b string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cuts[pairOf(a, b)] = true
	for e, p := range w.open {
		if p == pairOf(a, b) {
			_ = e.Close()
		}
	}
}

func (w *world) heal(a, b string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.cuts, pairOf(a, b))
}

// living publishes what files returns every second until the host stops; its
// oldest change is 30 s old at first.
func (m *member) living(files func() int64) {
	began := time.Now()
	m.wg.Go(func() {
		for {
			s := sample(files())
			s.Connections[0].OldestSeconds += time.Since(began).Seconds()
			m.x.Publish([]status.Folder{s}, nil)
			if !pause(m.ctx, time.Second) {
				return
			}
		}
	})
}

// sample is a folder that has files.
func sample(files int64) status.Folder {
	return status.Folder{
		Group: "branch", Folder: "projects", State: status.Normal, Files: files, Bytes: files << 10,
		Connections: []status.Connection{{From: "fs1", To: "fs2", State: status.Connected, BacklogFiles: 3, BacklogBytes: 4096, OldestSeconds: 30}},
	}
}

// of returns what a host knows of another one; nil: nothing.
func (m *member) of(name string) *Host {
	for _, h := range m.x.Hosts() {
		if h.Host == name {
			return &h
		}
	}
	return nil
}

// files is how many files a host knows another one to have; -1: it knows none.
func (m *member) files(name string) int64 {
	h := m.of(name)
	if h == nil || len(h.Folders) == 0 {
		return -1
	}
	return h.Folders[0].Files
}

// expect fails the test unless all hosts know that name has files.
func (w *world) expect(name string, files int64, on ...string) {
	w.t.Helper()
	synctest.Wait()
	for _, at := range on {
		if got := w.hosts[at].files(name); got != files {
			w.t.Errorf("%s knows %d files of %s, want %d", at, got, name, files)
		}
	}
}

// connections counts the connections of all hosts.
func (w *world) connections() int {
	n := 0
	for _, m := range w.hosts {
		m.x.mu.Lock()
		for _, p := range m.x.peers {
			n += len(p.conns)
		}
		m.x.mu.Unlock()
	}
	return n
}

// sent counts the updates that all hosts have sent on connections that last.
func (w *world) sent() (n uint64) {
	for _, m := range w.hosts {
		m.x.mu.Lock()
		for _, p := range m.x.peers {
			for _, c := range p.conns {
				n += c.sent
			}
		}
		m.x.mu.Unlock()
	}
	return n
}

func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("fs%d", i+1)
	}
	return all
}
