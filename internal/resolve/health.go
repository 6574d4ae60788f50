package resolve

import (
	"sync"
	"time"
)

const (
	// silentAfter is how many failures in a row make a server silent: one may
	// be a lost packet.
	silentAfter = 2
	// silentFor is how long a silent server is passed over.
	silentFor = time.Minute
)

// health remembers which servers do not answer. Its zero value knows of none.
type health struct {
	mu    sync.Mutex
	state map[string]*condition // guarded by mu; only servers with failures
}

type condition struct {
	failures int
	until    time.Time // silent until then; zero: not silent
}

// plan returns servers in their order, parted into those to ask and those that
// were silent lately, which are worth a question only when the others fail.
func (h *health) plan(servers []string, now time.Time) (able, silent []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range servers {
		if c := h.state[s]; c != nil && now.Before(c.until) {
			silent = append(silent, s)
		} else {
			able = append(able, s)
		}
	}
	return able, silent
}

// answered notes that server spoke, and tells whether it had been silent.
func (h *health) answered(server string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.state[server]
	delete(h.state, server)
	return c != nil && !c.until.IsZero()
}

// failed notes that server did not speak, and tells whether that is news: it is
// silent from now on and was not before.
func (h *health) failed(server string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state == nil {
		h.state = map[string]*condition{}
	}
	c := h.state[server]
	if c == nil {
		if len(h.state) >= 8*maxServers { // servers of former configurations
			clear(h.state)
		}
		c = &condition{}
		h.state[server] = c
	}
	c.failures++
	if c.failures < silentAfter {
		return false
	}
	news := c.until.IsZero()
	c.until = now.Add(silentFor)
	return news
}
