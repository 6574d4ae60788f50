package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"dfsd/internal/smbclient"
	"dfsd/referral/dfsc"
)

// Load is a number of clients that ask one server for link referrals, each
// over a signed connection of its own, one request at a time.
type Load struct {
	Server  netip.Addr
	Options smbclient.Options
	Clients int
	// Path gives the path of the n-th request, \host\namespace\link.
	Path func(n int) string
	// Targets is how many every answer must hold.
	Targets int
}

// level is the version that cifs.ko and smbclient ask for, which Samba has too.
const level = 3

// Run connects, then asks each client's share of requests at once, and calls
// begin and end around the asking alone. It returns how many were asked.
func (l Load) Run(ctx context.Context, requests int, begin, end func()) (int, error) {
	clients := make([]*loadClient, l.Clients)
	for i := range clients {
		c, err := l.connect(ctx)
		if err != nil {
			return 0, err
		}
		defer c.conn.Close()
		clients[i] = c
	}
	each := requests / l.Clients
	begin()
	errs := make([]error, l.Clients)
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			for n := range each {
				if errs[i] = l.ask(ctx, c, i*each+n); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	end()
	return each * l.Clients, errors.Join(errs...)
}

// loadClient is one connection with its IPC$ tree.
type loadClient struct {
	conn *smbclient.Conn
	tree *smbclient.Tree
}

func (l Load) connect(ctx context.Context) (*loadClient, error) {
	conn, err := smbclient.Dial(ctx, netip.AddrPortFrom(l.Server, 445).String(), l.Options)
	if err != nil {
		return nil, err
	}
	tree, err := conn.TreeConnect(ctx, `\\`+l.Server.String()+`\IPC$`)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &loadClient{conn, tree}, nil
}

func (l Load) ask(ctx context.Context, c *loadClient, n int) error {
	path := l.Path(n)
	blob, err := c.conn.Referral(ctx, c.tree, path, level, 8192)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	answer, err := dfsc.ParseResponse(blob)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(answer.Entries) != l.Targets {
		return fmt.Errorf("%s: %d targets, want %d", path, len(answer.Entries), l.Targets)
	}
	return nil
}
