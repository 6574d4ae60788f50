package resolve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"time"

	"go.uber.org/zap"
)

const (
	defaultTimeout = 2 * time.Second
	defaultTries   = 2
	maxTries       = 10
	// maxServers bounds how many servers one question may visit.
	maxServers = 8
)

// Options say whom to ask and how patiently. The zero value asks the servers of
// the operating system.
type Options struct {
	// Servers are the host:port of the resolvers to ask, the preferred one
	// first. Empty: those of ResolvConf, which is read again when it changes;
	// then HostsFile is honoured as well.
	Servers []string
	// Search are the domains tried for a host name of one label. Nil with empty
	// Servers: those of ResolvConf.
	Search []string
	// ResolvConf is the path of the system's resolver configuration. Empty:
	// /etc/resolv.conf.
	ResolvConf string
	// HostsFile is the path of the system's table of hosts. Empty: the usual
	// one of the operating system.
	HostsFile string
	// Timeout bounds one try at one server. 0: 2 s.
	Timeout time.Duration
	// Tries is how often each server is asked. 0: 2.
	Tries int
	// Log hears when a server falls silent and answers again. Nil: nobody.
	Log *zap.Logger
	// Now is the clock of server health and file changes. Nil: time.Now.
	Now func() time.Time
	// Random returns a uniform number in [0, n) and is called concurrently.
	// Nil: math/rand/v2. Ids of queries do not come from here: they are
	// cryptographically random.
	Random func(n int) int
	// Dial opens "udp" and "tcp" connections to a server; those of "udp" are
	// net.PacketConn too. Nil: net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Validate reports everything that is wrong with o.
func (o *Options) Validate() error {
	var errs []error
	for _, s := range o.Servers {
		host, port, err := net.SplitHostPort(s)
		if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 || host == "" {
			errs = append(errs, fmt.Errorf("DNS server %q is not host:port", s))
		}
	}
	if len(o.Servers) > maxServers {
		errs = append(errs, fmt.Errorf("%d DNS servers, at most %d are asked", len(o.Servers), maxServers))
	}
	if o.Timeout < 0 {
		errs = append(errs, fmt.Errorf("DNS timeout %v is negative", o.Timeout))
	}
	if o.Tries < 0 || o.Tries > maxTries {
		errs = append(errs, fmt.Errorf("%d DNS tries are not between 1 and %d", o.Tries, maxTries))
	}
	return errors.Join(errs...)
}

// withDefaults returns o with every unset field set.
func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Tries == 0 {
		o.Tries = defaultTries
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.IntN
	}
	if o.ResolvConf == "" {
		o.ResolvConf = "/etc/resolv.conf"
	}
	if o.HostsFile == "" {
		o.HostsFile = systemHosts()
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	return o
}

// Client asks DNS servers. It is safe for concurrent use, starts nothing and
// keeps no answers.
type Client struct {
	o      Options
	health health
	conf   *file[resolvConf]        // nil when the servers are given
	table  *file[map[string]toHost] // nil when the servers are given
}

// New returns a client, or what is wrong with o. Without Servers it reads
// ResolvConf; a missing one means a server on the loopback interface, as
// resolv.conf(5) has it, but on Windows, where no such file is, it is an error.
func New(o Options) (*Client, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	c := &Client{o: o.withDefaults()}
	if len(o.Servers) > 0 {
		return c, nil
	}
	c.conf = &file[resolvConf]{path: c.o.ResolvConf, limit: maxResolvConf, parse: parseResolvConf}
	c.table = &file[map[string]toHost]{path: c.o.HostsFile, limit: maxHostsFile, parse: parseHosts}
	err := c.conf.read()
	if errors.Is(err, fs.ErrNotExist) && runtime.GOOS != "windows" {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("no DNS servers are given: %w", err)
	}
	return c, nil
}

// servers returns whom to ask at now, the preferred one first.
func (c *Client) servers(now time.Time) []string {
	if c.conf == nil {
		return c.o.Servers
	}
	return c.conf.at(now).servers
}

// search returns the domains that complete a single label at now.
func (c *Client) search(now time.Time) []string {
	if c.conf == nil || c.o.Search != nil {
		return c.o.Search
	}
	return c.conf.at(now).search
}
