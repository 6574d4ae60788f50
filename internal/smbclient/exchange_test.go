package smbclient

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"dfsd/internal/smb2"
	"dfsd/referral/dfsc"
)

func TestStatusError(t *testing.T) {
	p := newPeer()
	p.handle = func(h smb2.Header, _ []byte) (smb2.Status, smb2.Body) {
		switch h.Command {
		case smb2.CommandCreate:
			return smb2.StatusPathNotCovered, smb2.ErrorResponse{}
		case smb2.CommandQueryDirectory:
			return smb2.StatusNoMoreFiles, smb2.ErrorResponse{}
		case smb2.CommandQueryInfo:
			return smb2.StatusBufferOverflow, smb2.QueryInfoResponse{Output: []byte("the beginn")}
		case smb2.CommandIoctl:
			return smb2.StatusBufferOverflow, smb2.ErrorResponse{}
		}
		return 0, nil
	}
	c := p.mustDial(t, asAlice(func(o *Options) { o.SigningRequired = true }))
	tree, err := c.TreeConnect(t.Context(), `\\peer\dfs`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = tree.Create(t.Context(), 0, smb2.CreateRequest{Name: "link"})
	var status *StatusError
	if !errors.Is(err, smb2.StatusPathNotCovered) || !errors.As(err, &status) || status.Command != smb2.CommandCreate || err.Error() != "CREATE: STATUS_PATH_NOT_COVERED" {
		t.Errorf("Create: %v, want STATUS_PATH_NOT_COVERED", err)
	}
	if out, err := tree.QueryDirectory(t.Context(), smb2.QueryDirectoryRequest{OutputLength: 10}); len(out) > 0 || !errors.Is(err, smb2.StatusNoMoreFiles) {
		t.Errorf("QueryDirectory = %q, %v, want STATUS_NO_MORE_FILES", out, err)
	}
	if out, err := tree.QueryInfo(t.Context(), smb2.QueryInfoRequest{OutputLength: 10}); string(out) != "the beginn" || !errors.Is(err, smb2.StatusBufferOverflow) {
		t.Errorf("QueryInfo = %q, %v, want the beginning and STATUS_BUFFER_OVERFLOW", out, err)
	}
	if out, err := c.Referral(t.Context(), tree, `\peer\dfs`, 4, 10); out != nil || !errors.Is(err, smb2.StatusBufferOverflow) {
		t.Errorf("Referral = %q, %v, want STATUS_BUFFER_OVERFLOW alone", out, err)
	}
	if err := c.Echo(t.Context()); err != nil {
		t.Errorf("Echo afterwards: %v", err)
	}
}

// TestPipeline has many requests under way, whose answers come in another
// order, as far as the credits go.
func TestPipeline(t *testing.T) {
	for _, prot := range protections {
		t.Run(prot.name, func(t *testing.T) {
			p := newPeer()
			p.tcp, p.grant = true, 8
			c := p.mustDial(t, asAlice(prot.change))
			tree, err := c.TreeConnect(t.Context(), `\\peer\IPC$`)
			if err != nil {
				t.Fatal(err)
			}
			before := c.Credits()
			body := ReferralRequest(dfsc.Request{MaxLevel: 4, Path: `\peer\dfs`}, 8192)
			sent := map[uint64]bool{}
			for {
				id, err := c.Send(t.Context(), smb2.Header{Command: smb2.CommandIoctl, TreeID: tree.ID()}, body)
				if errors.Is(err, ErrNoCredits) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				sent[id] = true
			}
			if len(sent) != before || c.Credits() != 0 || c.Due() != before {
				t.Errorf("%d requests under way with %d credits, %d due and %d left", len(sent), before, c.Due(), c.Credits())
			}
			if err := c.Echo(t.Context()); !errors.Is(err, ErrOutstanding) {
				t.Errorf("Echo: %v, want ErrOutstanding", err)
			}
			for range before {
				h, msg, err := c.Receive(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				r, err := smb2.ParseIoctlResponse(msg)
				if !sent[h.MessageID] || err != nil || !bytes.Equal(r.Output, body.Input) {
					t.Errorf("answer %d: %v", h.MessageID, err)
				}
				delete(sent, h.MessageID)
			}
			if _, _, err := c.Receive(t.Context()); !errors.Is(err, ErrNothingDue) {
				t.Errorf("Receive: %v, want ErrNothingDue", err)
			}
			if got := c.Credits(); got != 8*before {
				t.Errorf("%d credits, want the %d granted", got, 8*before)
			}
		})
	}
}

// TestCreditsRunOut is a server that grants none.
func TestCreditsRunOut(t *testing.T) {
	p := newPeer()
	p.grant = 1
	p.change = on(smb2.CommandEcho, 0, func(a *answer) { a.header.Credits = 0 })
	c := p.mustDial(t, asAlice(nil))
	if err := c.Echo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Echo(t.Context()); !errors.Is(err, ErrNoCredits) {
		t.Errorf("Echo without credits: %v, want ErrNoCredits", err)
	}
}

// TestCreditsAreBounded is a server that grants more than anybody needs.
func TestCreditsAreBounded(t *testing.T) {
	p := newPeer()
	p.grant = 65535
	c := p.mustDial(t, asAlice(nil))
	for range 10 {
		if err := c.Echo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.Credits(); got != maxCredits {
		t.Errorf("Credits() = %d, want %d", got, maxCredits)
	}
}

func TestCharge(t *testing.T) {
	large := Negotiated{Dialect: smb2.Dialect311, Capabilities: smb2.CapLargeMTU}
	tests := []struct {
		name string
		n    Negotiated
		body smb2.Body
		want int
	}{
		{name: "echo", n: large, body: smb2.EchoRequest{}, want: 1},
		{name: "no output", n: large, body: smb2.IoctlRequest{}, want: 1},
		{name: "64 KiB", n: large, body: smb2.IoctlRequest{MaxOutputResponse: 65536}, want: 1},
		{name: "64 KiB and a byte", n: large, body: smb2.IoctlRequest{MaxOutputResponse: 65537}, want: 2},
		{name: "input", n: large, body: smb2.IoctlRequest{Input: make([]byte, 131073), MaxOutputResponse: 65537}, want: 3},
		{name: "listing", n: large, body: smb2.QueryDirectoryRequest{OutputLength: 1 << 20}, want: 16},
		{name: "info", n: large, body: smb2.QueryInfoRequest{OutputLength: 1 << 17}, want: 2},
		{name: "read", n: large, body: smb2.ReadRequest{Length: 1<<32 - 1}, want: 65536},
		{name: "write", n: large, body: smb2.WriteRequest{Data: make([]byte, 65537)}, want: 2},
		{name: "2.0.2", n: Negotiated{Dialect: smb2.Dialect202, Capabilities: smb2.CapLargeMTU}, body: smb2.IoctlRequest{MaxOutputResponse: 1 << 20}, want: 1},
		{name: "no large MTU", n: Negotiated{Dialect: smb2.Dialect300}, body: smb2.IoctlRequest{MaxOutputResponse: 1 << 20}, want: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (&Conn{negotiated: tt.n}).charge(tt.body); got != tt.want {
				t.Errorf("charge = %d, want %d", got, tt.want)
			}
		})
	}
}

// TestChargedIDs lets a request take several message ids.
func TestChargedIDs(t *testing.T) {
	p := newPeer()
	c := p.mustDial(t, asAlice(nil))
	tree, err := c.TreeConnect(t.Context(), `\\peer\share`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.QueryDirectory(t.Context(), smb2.QueryDirectoryRequest{OutputLength: 3 << 16}); err != nil {
		t.Fatal(err)
	}
	if err := c.Echo(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	<-p.done
	listing, echo := p.requests[len(p.requests)-2], p.requests[len(p.requests)-1]
	if listing.CreditCharge != 3 || echo.CreditCharge != 1 || echo.MessageID != listing.MessageID+3 {
		t.Errorf("listing costs %d at %d, echo %d at %d", listing.CreditCharge, listing.MessageID, echo.CreditCharge, echo.MessageID)
	}
}

// TestRoomIsBounded asks for more than either side takes.
func TestRoomIsBounded(t *testing.T) {
	tests := []struct {
		maxFrame       int
		transact, want uint32
	}{
		{maxFrame: 1 << 20, transact: 8 << 20, want: 1<<20 - 256},
		{maxFrame: 1 << 20, transact: 1 << 17, want: 1 << 17},
		{maxFrame: 1 << 20, transact: 0, want: 1 << 16},
		{maxFrame: 64 << 10, transact: 8 << 20, want: 1<<16 - 256},
	}
	for _, tt := range tests {
		c := &Conn{o: Options{MaxFrame: tt.maxFrame}, negotiated: Negotiated{MaxTransact: tt.transact}}
		if got := c.room(1<<32 - 1); got != tt.want {
			t.Errorf("room with MaxFrame %d and MaxTransact %d = %d, want %d", tt.maxFrame, tt.transact, got, tt.want)
		}
	}
}

// TestInterim waits through an interim answer, which comes unsigned.
func TestInterim(t *testing.T) {
	for _, prot := range protections {
		t.Run(prot.name, func(t *testing.T) {
			p := newPeer()
			p.change = on(smb2.CommandEcho, 0, func(a *answer) {
				final := a.header
				final.Flags |= smb2.FlagAsync
				final.AsyncID = 9
				a.more = []smb2.Header{final}
				a.header = final
				a.header.Status = smb2.StatusPending
			})
			c := p.mustDial(t, asAlice(prot.change))
			if err := c.Echo(t.Context()); err != nil {
				t.Errorf("Echo: %v", err)
			}
		})
	}
}

// TestCancel sends a CANCEL, which has no answer and costs nothing.
func TestCancel(t *testing.T) {
	p := newPeer()
	c := p.mustDial(t, asAlice(func(o *Options) { o.SigningRequired = true }))
	before := c.Credits()
	if _, err := c.Send(t.Context(), smb2.Header{Command: smb2.CommandCancel, MessageID: 1}, smb2.CancelRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Credits() != before || c.Due() != 0 {
		t.Errorf("CANCEL leaves %d of %d credits and %d due", c.Credits(), before, c.Due())
	}
	if err := c.Echo(t.Context()); err != nil {
		t.Error(err)
	}
	_ = c.Close()
	<-p.done
	if r := p.requests[len(p.requests)-2]; r.Command != smb2.CommandCancel || r.MessageID != 1 || !r.Flags.Has(smb2.FlagSigned) {
		t.Errorf("peer got %+v, want the signed CANCEL", r.Header)
	}
}

// silent is a peer that does not answer an echo; reached is closed when it gets
// one.
func silent() (p *peer, reached chan struct{}) {
	p, reached = newPeer(), make(chan struct{})
	p.change = on(smb2.CommandEcho, 0, func(a *answer) { a.drop = true; close(reached) })
	return p, reached
}

func TestContextEnds(t *testing.T) {
	why := errors.New("the test says so")
	tests := []struct {
		name string
		ctx  func(reached chan struct{}) (context.Context, context.CancelFunc)
		want error
	}{
		{name: "cancelled", want: why, ctx: func(reached chan struct{}) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() { <-reached; cancel(why) }()
			return ctx, func() { cancel(nil) }
		}},
		{name: "cancelled before", want: why, ctx: func(chan struct{}) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(why)
			return ctx, func() {}
		}},
		{name: "deadline", want: context.DeadlineExceeded, ctx: func(chan struct{}) (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 50*time.Millisecond)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, reached := silent()
			c := p.mustDial(t, asAlice(nil))
			ctx, cancel := tt.ctx(reached)
			defer cancel()
			if err := c.Echo(ctx); !errors.Is(err, tt.want) {
				t.Errorf("Echo: %v, want %v", err, tt.want)
			}
			if err := c.Echo(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("Echo afterwards: %v, want the same error", err)
			}
		})
	}
}

// TestContextAfterwards cancels a context between two requests, which harms
// neither.
func TestContextAfterwards(t *testing.T) {
	c := newPeer().mustDial(t, asAlice(nil))
	for range 50 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := c.Echo(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := c.Echo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCloseDuringARequest closes from another goroutine.
func TestCloseDuringARequest(t *testing.T) {
	p, reached := silent()
	p.tcp = true
	c := p.mustDial(t, asAlice(nil))
	go func() { <-reached; _ = c.Close() }()
	if err := c.Echo(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Echo: %v, want ErrClosed", err)
	}
}

// TestRawFrames sends what is no SMB, and reads what a server says to it.
func TestRawFrames(t *testing.T) {
	p := newPeer()
	p.change = on(smb2.CommandEcho, 0, func(a *answer) { a.frame = []byte("any bytes") })
	c := p.mustDial(t, asAlice(nil))
	echo := smb2.AppendMessage(nil, smb2.Header{Command: smb2.CommandEcho, SessionID: c.SessionID(), MessageID: 3}, smb2.EchoRequest{})
	if err := c.SendFrame(t.Context(), echo); err != nil {
		t.Fatal(err)
	}
	if got, err := c.ReceiveFrame(t.Context()); err != nil || string(got) != "any bytes" {
		t.Errorf("ReceiveFrame = %q, %v", got, err)
	}
	if err := c.SendFrame(t.Context(), make([]byte, 1<<24)); !errors.Is(err, smb2.ErrFrameTooLarge) {
		t.Errorf("SendFrame of 16 MiB: %v, want ErrFrameTooLarge", err)
	}
}
