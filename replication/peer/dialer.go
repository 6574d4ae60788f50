package peer

import (
	"context"
	"fmt"
	"net"
	"sync"

	"dfsd/replication/wire"
)

// Dialer opens sessions. It is safe for concurrent use.
type Dialer struct {
	o Options
	// dial opens the TCP connection of one lane.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// NewDialer returns a Dialer, or what is wrong with o.
func NewDialer(o Options) (*Dialer, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	return &Dialer{o, d.DialContext}, nil
}

// Dial opens a session with p: the control lane first, and when that has shown
// who is there, the others. The limit of a handshake bounds each. Errors wrap
// *KeyError for a partner with another key, ErrNotTrusted for one that refuses
// ours, wire.ErrVersion for one that speaks no version of ours.
func (d *Dialer) Dial(ctx context.Context, p Partner) (*Session, error) {
	nonce := newNonce()
	var lanes [wire.Lanes]*connection
	var errs [wire.Lanes]error
	open := func(l wire.Lane) { lanes[l], errs[l] = d.open(ctx, p, l, nonce) }
	open(wire.Control)
	if errs[wire.Control] == nil {
		var wg sync.WaitGroup
		for l := wire.Control + 1; l < wire.Lanes; l++ {
			wg.Go(func() { open(l) })
		}
		wg.Wait()
	}
	for l, err := range errs {
		if err == nil {
			continue
		}
		for _, c := range lanes {
			if c != nil {
				c.close()
			}
		}
		return nil, fmt.Errorf("dial %s at %s: %v lane: %w", p.Host, p.Address, wire.Lane(l), err)
	}
	return newSession(&d.o, p, lanes, true), nil
}

// open dials one lane.
func (d *Dialer) open(ctx context.Context, p Partner, lane wire.Lane, nonce wire.Nonce) (*connection, error) {
	ctx, stop := context.WithTimeout(ctx, d.o.Limits.Handshake)
	defer stop()
	raw, err := d.dial(ctx, "tcp", p.Address)
	if err != nil {
		return nil, err
	}
	c, err := d.o.dialHandshake(ctx, raw, p, lane, nonce)
	if err != nil {
		_ = raw.Close() // the error of the handshake counts
		return nil, err
	}
	return c, nil
}
