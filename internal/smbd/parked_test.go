package smbd

import (
	"bytes"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"dfsd/internal/smb2"
)

// watch opens a folder and watches it; it returns the folder and the interim
// answer.
func (c *client) watch(folder string) (smb2.FileID, response) {
	c.t.Helper()
	id := c.open(folder)
	r := c.call(smb2.CommandChangeNotify, smb2.ChangeNotifyRequest{OutputLength: 4096, FileID: id, Filter: 0x17})
	c.want(r, smb2.StatusPending)
	if !r.Flags.Has(smb2.FlagAsync) || r.AsyncID == 0 || r.Credits == 0 || r.Flags.Has(smb2.FlagSigned) {
		c.t.Fatalf("interim answer: flags %#x, async id %d, %d credits; want async, unsigned, with credits", r.Flags, r.AsyncID, r.Credits)
	}
	return id, r
}

// wantCompletion checks that r completes what interim announced.
func (c *client) wantCompletion(r, interim response, status smb2.Status) {
	c.t.Helper()
	c.want(r, status)
	if !r.Flags.Has(smb2.FlagAsync) || r.AsyncID != interim.AsyncID || r.MessageID != interim.MessageID || r.Credits != 0 {
		c.t.Errorf("completion: flags %#x, async id %d, message id %d, %d credits; want those of %+v and no credits", r.Flags, r.AsyncID, r.MessageID, r.Credits, interim.Header)
	}
	if !c.seal && !r.Flags.Has(smb2.FlagSigned) {
		c.t.Error("completion is unsigned")
	}
}

func TestChangeNotify(t *testing.T) {
	cancel := func(c *client, h smb2.Header) {
		h.Command = smb2.CommandCancel
		h.SessionID = c.session
		c.send(operation{header: h, body: smb2.CancelRequest{}, raw: true})
	}
	tests := []struct {
		name string
		// end ends the watch; answers is what it sends on its own account.
		end     func(c *client, h *harness, id smb2.FileID, interim response)
		want    smb2.Status
		answers int
	}{
		{name: "cancel by message id", want: smb2.StatusCancelled, end: func(c *client, _ *harness, _ smb2.FileID, interim response) {
			cancel(c, smb2.Header{MessageID: interim.MessageID})
		}},
		{name: "cancel by async id", want: smb2.StatusCancelled, end: func(c *client, _ *harness, _ smb2.FileID, interim response) {
			cancel(c, smb2.Header{Flags: smb2.FlagAsync, AsyncID: interim.AsyncID})
		}},
		{name: "close", want: smb2.StatusNotifyCleanup, answers: 1, end: func(c *client, _ *harness, id smb2.FileID, _ response) { c.send(closeOp(id)) }},
		{name: "tree disconnect", want: smb2.StatusNotifyCleanup, answers: 1, end: func(c *client, _ *harness, _ smb2.FileID, _ response) { c.send(untreeOp()) }},
		{name: "logoff", want: smb2.StatusNotifyCleanup, answers: 1, end: func(c *client, _ *harness, _ smb2.FileID, _ response) { c.send(logoffOp()) }},
		{name: "namespace changed", want: smb2.StatusNotifyEnumDir, end: func(_ *client, h *harness, _ smb2.FileID, _ response) { h.NamespaceChanged() }},
	}
	h := listen(t, testOptions(t))
	for _, tt := range tests {
		for _, seal := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				c := h.logon(t, "public")
				c.seal = seal
				id, interim := c.watch("docs")
				tt.end(c, h, id, interim)
				r := c.receive()[0]
				c.wantCompletion(r, interim, tt.want)
				if tt.want == smb2.StatusNotifyEnumDir {
					if p, err := smb2.ParseChangeNotifyResponse(r.msg); err != nil || len(p.Output) != 0 {
						t.Errorf("completion holds %v, %v, want no entries", p, err)
					}
				}
				for range tt.answers {
					c.want(c.receive()[0], smb2.StatusSuccess)
				}
				if tt.name != "logoff" {
					c.want(c.one(echoOp()), smb2.StatusSuccess)
				}
			})
		}
	}
}

// TestNamespaceChangesAgain: whoever watches again hears again.
func TestNamespaceChangesAgain(t *testing.T) {
	h := listen(t, testOptions(t))
	c := h.logon(t, "public")
	for range 3 {
		_, interim := c.watch("docs")
		h.NamespaceChanged()
		c.wantCompletion(c.receive()[0], interim, smb2.StatusNotifyEnumDir)
	}
}

// TestCancelOfWhatIsNotThere: a CANCEL never has an answer of its own, and only
// its own session's requests are in its reach.
func TestCancelOfWhatIsNotThere(t *testing.T) {
	h := listen(t, testOptions(t))
	c := h.logon(t, "public")
	_, interim := c.watch("docs")
	first := *c
	c.session, c.signer, c.tree = 0, nil, 0
	c.mustLogon(otherUser, testPassword)
	for name, op := range map[string]operation{
		"of another session": {header: smb2.Header{MessageID: interim.MessageID, SessionID: c.session}},
		"of no session":      {header: smb2.Header{MessageID: interim.MessageID}},
		"unknown message":    {header: smb2.Header{MessageID: 4711, SessionID: c.session}},
		"unsigned":           {header: smb2.Header{MessageID: interim.MessageID, SessionID: first.session}, plain: true},
		"wrong signature":    {header: smb2.Header{MessageID: interim.MessageID, SessionID: first.session}, forged: true},
	} {
		t.Run(name, func(t *testing.T) {
			op.header.Command, op.body, op.raw = smb2.CommandCancel, smb2.CancelRequest{}, true
			c.send(op)
			c.want(c.one(echoOp()), smb2.StatusSuccess)
		})
	}
	first.nextID = c.nextID
	h.NamespaceChanged()
	first.wantCompletion(first.receive()[0], interim, smb2.StatusNotifyEnumDir)
}

func TestNotifyIsRefused(t *testing.T) {
	o := testOptions(t)
	o.Config.Limits.Parked = 3
	h := listen(t, o)
	c := h.logon(t, "public")
	id := c.open("docs")
	notify := smb2.ChangeNotifyRequest{OutputLength: 4096, FileID: id, Filter: 0x17}
	for range 3 {
		c.want(c.call(smb2.CommandChangeNotify, notify), smb2.StatusPending)
	}
	c.want(c.call(smb2.CommandChangeNotify, notify), smb2.StatusInsufficientResources)
	if got := h.rejected(rejectParked); got != 1 {
		t.Errorf("rejected{parked} = %v, want 1", got)
	}
	if got := testutil.ToFloat64(h.metrics.parked); got != 3 {
		t.Errorf("parked = %v, want 3", got)
	}
	notify.OutputLength = 2 << 20
	c.want(c.call(smb2.CommandChangeNotify, notify), smb2.StatusInvalidParameter)
	notify.OutputLength = 200 << 10 // more than one credit pays for
	c.want(c.call(smb2.CommandChangeNotify, notify), smb2.StatusInvalidParameter)
	c.connectTree("IPC$")
	notify.FileID, notify.OutputLength = c.open("srvsvc"), 4096
	c.want(c.call(smb2.CommandChangeNotify, notify), smb2.StatusInvalidParameter)
}

// TestClientGoesWhileWatching: what waits for a client that has gone waits no
// more; the harness checks that nothing is left.
func TestClientGoesWhileWatching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := listenPipe(t, testOptions(t))
		c := h.logon(t, "public")
		c.watch("docs")
		c.nc.Close() //nolint:errcheck // what is tested
		synctest.Wait()
		h.NamespaceChanged()
		synctest.Wait()
		if got := testutil.ToFloat64(h.metrics.parked); got != 0 {
			t.Errorf("parked = %v, want 0", got)
		}
		h.stop()
	})
}

// rpcBind is a DCE/RPC bind to srvsvc 3.0 over NDR.
var rpcBind = []byte{
	5, 0, 11, 3, 0x10, 0, 0, 0, 72, 0, 0, 0, 1, 0, 0, 0, 0xB8, 0x10, 0xB8, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0,
	0xC8, 0x4F, 0x32, 0x4B, 0x70, 0x16, 0xD3, 0x01, 0x12, 0x78, 0x5A, 0x47, 0xBF, 0x6E, 0xE1, 0x88, 3, 0, 0, 0,
	0x04, 0x5D, 0x88, 0x8A, 0xEB, 0x1C, 0xC9, 0x11, 0x9F, 0xE8, 0x08, 0x00, 0x2B, 0x10, 0x48, 0x60, 2, 0, 0, 0,
}

func TestPipe(t *testing.T) {
	h := listen(t, testOptions(t))
	read := func(id smb2.FileID, n uint32) operation {
		return operation{header: smb2.Header{Command: smb2.CommandRead, Credits: 1}, body: smb2.ReadRequest{FileID: id, Length: n}}
	}
	write := func(id smb2.FileID) operation {
		return operation{header: smb2.Header{Command: smb2.CommandWrite, Credits: 1}, body: smb2.WriteRequest{FileID: id, Data: rpcBind}}
	}
	t.Run("write, then read in parts", func(t *testing.T) {
		c := h.logon(t, "IPC$")
		id := c.open("srvsvc")
		c.want(c.one(write(id)), smb2.StatusSuccess)
		r := c.one(read(id, 16))
		c.want(r, smb2.StatusBufferOverflow)
		first, err := smb2.ParseReadResponse(r.msg)
		c.must(err)
		if len(first.Data) != 16 || first.Data[2] != 12 {
			t.Errorf("first part = %x, want the head of a bind_ack", first.Data)
		}
		c.want(c.one(read(id, 4096)), smb2.StatusSuccess)
	})
	t.Run("read waits for the write", func(t *testing.T) {
		c := h.logon(t, "IPC$")
		id := c.open("srvsvc")
		interim := c.one(read(id, 4096))
		c.want(interim, smb2.StatusPending)
		c.want(c.one(write(id)), smb2.StatusSuccess)
		r := c.receive()[0]
		c.wantCompletion(r, interim, smb2.StatusSuccess)
		p, err := smb2.ParseReadResponse(r.msg)
		c.must(err)
		if len(p.Data) < 24 || p.Data[2] != 12 {
			t.Errorf("read %x, want a bind_ack", p.Data)
		}
	})
	t.Run("close ends the read", func(t *testing.T) {
		c := h.logon(t, "IPC$")
		id := c.open("srvsvc")
		interim := c.one(read(id, 4096))
		c.send(closeOp(id))
		c.wantCompletion(c.receive()[0], interim, smb2.StatusPipeBroken)
		c.want(c.receive()[0], smb2.StatusSuccess)
	})
	t.Run("transceive", func(t *testing.T) {
		c := h.logon(t, "IPC$")
		id := c.open("srvsvc")
		q := smb2.IoctlRequest{CtlCode: smb2.FSCTLPipeTransceive, FileID: id, Flags: smb2.IoctlIsFSCTL, MaxOutputResponse: 16, Input: rpcBind}
		r := c.one(ioctlOp(q))
		c.want(r, smb2.StatusBufferOverflow)
		p, err := smb2.ParseIoctlResponse(r.msg)
		c.must(err)
		if len(p.Output) != 16 || p.FileID != id || !bytes.HasPrefix(p.Output, []byte{5, 0, 12}) {
			t.Errorf("transceive = %+v, want the head of a bind_ack", p)
		}
		c.want(c.one(read(id, 4096)), smb2.StatusSuccess)
	})
	t.Run("what is no RPC breaks it", func(t *testing.T) {
		c := h.logon(t, "IPC$")
		id := c.open("srvsvc")
		q := smb2.WriteRequest{FileID: id, Data: bytes.Repeat([]byte{0xEE}, 100)}
		c.want(c.call(smb2.CommandWrite, q), smb2.StatusPipeBroken)
		c.want(c.one(read(id, 10)), smb2.StatusPipeBroken)
	})
}
