package smbd

import (
	"errors"

	"dfsd/internal/smb2"
)

// commandRule is what must hold before a command is served.
type commandRule struct {
	fixed   int  // bytes of the fixed part of its body
	session bool // it belongs to a session
	tree    bool // and to a tree
	file    bool // it works on an open, made before
	closing bool // it is served though the session has expired
}

var commandRules = [smb2.MaxCommand + 1]commandRule{
	smb2.CommandNegotiate:      {fixed: 36},
	smb2.CommandSessionSetup:   {fixed: 24},
	smb2.CommandLogoff:         {fixed: 4, session: true, closing: true},
	smb2.CommandTreeConnect:    {fixed: 8, session: true},
	smb2.CommandTreeDisconnect: {fixed: 4, session: true, tree: true},
	smb2.CommandCreate:         {fixed: 56, session: true, tree: true},
	smb2.CommandClose:          {fixed: 24, session: true, tree: true, file: true, closing: true},
	smb2.CommandFlush:          {fixed: 24, session: true, tree: true, file: true},
	smb2.CommandRead:           {fixed: 48, session: true, tree: true, file: true},
	smb2.CommandWrite:          {fixed: 48, session: true, tree: true, file: true},
	smb2.CommandLock:           {fixed: 24, session: true, tree: true, file: true, closing: true},
	smb2.CommandIoctl:          {fixed: 56, session: true, tree: true},
	smb2.CommandCancel:         {fixed: 4, closing: true},
	smb2.CommandEcho:           {fixed: 4},
	smb2.CommandQueryDirectory: {fixed: 32, session: true, tree: true, file: true},
	smb2.CommandChangeNotify:   {fixed: 32, session: true, tree: true, file: true},
	smb2.CommandQueryInfo:      {fixed: 40, session: true, tree: true, file: true},
	smb2.CommandSetInfo:        {fixed: 32, session: true, tree: true, file: true},
	smb2.CommandOplockBreak:    {fixed: 24, session: true, tree: true},
}

// What a handler returns beside failures.
var (
	// errParked: the request waits for an event; the client gets an interim
	// answer now (3.3.4.2).
	errParked = errors.New("request is parked")
	// errDelayed: the request gets its only answer later.
	errDelayed = errors.New("answer is delayed")
)

// serveFrame serves the operations of frame and writes their answer. An error
// ends the connection.
func (c *conn) serveFrame(s *scratch, frame []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := &s.chain
	switch smb2.FrameKindOf(frame) {
	case smb2.FramePlain:
	case smb2.FrameEncrypted:
		var err error
		if frame, err = c.unseal(s, frame); err != nil {
			return err
		}
	case smb2.FrameSMB1:
		if err := c.stepUp(ch, frame); err != nil {
			return err
		}
		return c.send(s)
	default:
		c.server.metrics.malformed[stageFrame].Inc()
		return hangUp("not an SMB2 frame")
	}
	if err := c.serveChain(s, frame); err != nil {
		return err
	}
	if err := c.send(s); err != nil {
		return err
	}
	if c.parkedReads > 0 {
		c.retryReads()
	}
	return nil
}

// send writes the reply of s, if there is any.
func (c *conn) send(s *scratch) error {
	ch := &s.chain
	if !ch.reply.end() {
		return nil
	}
	if ch.sealedBy == nil {
		return c.write(ch.reply.out)
	}
	var err error
	if s.sealed, err = ch.sealedBy.seal(s.sealed, ch.reply.out); err != nil {
		return err
	}
	return c.write(s.sealed)
}

// serveChain serves the operations of frame one after the other, once none of
// them ends the connection.
func (c *conn) serveChain(s *scratch, frame []byte) error {
	ch := &s.chain
	if err := c.admitChain(ch, frame); err != nil {
		return err
	}
	ops := smb2.SplitCompound(frame)
	for ops.Next() {
		ch.current = request{
			chain: ch, header: ops.Header(), msg: ops.Message(), last: ops.Last(), sealed: ch.sealedBy != nil,
		}
		if err := c.serveOperation(s, &ch.current); err != nil {
			return err
		}
	}
	return ops.Err()
}

// serveOperation serves r and appends its answer to the reply. An error ends the
// connection.
func (c *conn) serveOperation(s *scratch, r *request) error {
	if r.header.Command == smb2.CommandCancel {
		c.cancel(r)
		return nil
	}
	ch := r.chain
	rule := &commandRules[r.header.Command]
	ch.reply.begin()
	err := c.check(r, rule)
	if err == nil {
		err = c.handle(s, r)
	}
	if err != nil {
		if err = c.conclude(r, err); err != nil {
			return err
		}
	}
	if ch.reply.start != 0 {
		c.finish(r)
		ch.handOn(r, rule, r.status)
	}
	return nil
}

// conclude turns what a check or a handler returned into the body of r's answer.
// An error ends the connection.
func (c *conn) conclude(r *request, err error) error {
	var fatal hangUp
	switch {
	case errors.As(err, &fatal):
		return fatal
	case errors.Is(err, errDelayed):
		r.chain.reply.drop()
	case errors.Is(err, errParked):
		r.status = smb2.StatusPending
		answer(r, smb2.ErrorResponse{})
	default:
		c.fail(r, err)
	}
	return nil
}

// fail answers r with the status of err and the body of an error.
func (c *conn) fail(r *request, err error) {
	if errors.Is(err, smb2.ErrMalformed) {
		c.server.metrics.malformed[stageBody].Inc()
	}
	r.chain.reply.clearBody()
	r.status = statusOf(err)
	answer(r, errorBody(err, c.terms.dialect))
}

// finish writes the header of r's answer, with the credits granted, and arranges
// for its signature (3.3.4.1.1, 3.3.4.1.2).
func (c *conn) finish(r *request) {
	h := r.header.Response(r.status, c.grant(r))
	interim := r.status == smb2.StatusPending
	if interim {
		h.Flags |= smb2.FlagAsync
		h.AsyncID = c.lastAsync
	}
	reply := &r.chain.reply
	if signer := c.signerOf(r); signer != nil && !interim {
		h.Flags |= smb2.FlagSigned
		reply.signer = signer
	}
	reply.head(h)
	if r.hash != nil {
		r.hash.Update(reply.message())
	}
	if !interim {
		c.server.metrics.countRequest(r.header.Command, r.status)
	}
}

// signerOf returns what signs the answer to r, nil if it stays unsigned: those
// to signed requests and the end of a log-on are signed, unless they are
// encrypted.
func (c *conn) signerOf(r *request) *smb2.Signer {
	if r.sealed || r.session == nil || !r.signed && !r.prove {
		return nil
	}
	signer, err := r.session.signWith()
	if err != nil {
		return nil
	}
	return signer
}

// handle runs the handler of r's command.
func (c *conn) handle(s *scratch, r *request) error {
	switch r.header.Command {
	case smb2.CommandNegotiate:
		return c.negotiate(r)
	case smb2.CommandSessionSetup:
		return c.sessionSetup(r)
	case smb2.CommandLogoff:
		return c.logoff(r)
	case smb2.CommandTreeConnect:
		return c.treeConnect(r)
	case smb2.CommandTreeDisconnect:
		return c.treeDisconnect(r)
	case smb2.CommandCreate:
		return c.create(r)
	case smb2.CommandClose:
		return c.close(r)
	case smb2.CommandFlush:
		return c.flush(r)
	case smb2.CommandRead:
		return c.read(r)
	case smb2.CommandWrite:
		return c.writeFile(r)
	case smb2.CommandLock:
		return c.lock(r)
	case smb2.CommandIoctl:
		return c.ioctl(s, r)
	case smb2.CommandEcho:
		return c.echo(r)
	case smb2.CommandQueryDirectory:
		return c.queryDirectory(r)
	case smb2.CommandChangeNotify:
		return c.changeNotify(r)
	case smb2.CommandQueryInfo:
		return c.queryInfo(r)
	case smb2.CommandSetInfo:
		return c.setInfo(r)
	}
	return smb2.StatusNotSupported // OPLOCK_BREAK: no oplock is ever granted
}
