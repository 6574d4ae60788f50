package smbd

import (
	"errors"

	"dfsd/internal/smb2"
	"dfsd/internal/smbtree"
)

// openOf returns the open that r works on: the one that id names, or that of
// the operation before where r is related.
func (c *conn) openOf(r *request, id smb2.FileID) (*open, error) {
	ch := r.chain
	if r.related {
		switch {
		case ch.fileFault != smb2.StatusSuccess:
			return nil, ch.fileFault
		case !ch.hasFile:
			return nil, smb2.StatusInvalidHandle
		}
		id = ch.file
	}
	o := c.opens.get(id)
	if o == nil || o.tree != r.tree {
		ch.failFile(smb2.StatusFileClosed)
		return nil, smb2.StatusFileClosed
	}
	ch.setFile(id)
	return o, nil
}

// partial reports whether err comes with data: a warning such as
// STATUS_BUFFER_OVERFLOW says that there would have been more.
func partial(err error, data []byte) bool {
	var status smb2.Status
	return len(data) > 0 && errors.As(err, &status) && status.IsWarning()
}

// warn makes the warning err the status of r's answer.
func (r *request) warn(err error) { r.status = statusOf(err) }

// create opens a folder or a pipe (3.3.5.9).
func (c *conn) create(r *request) error {
	q, err := smb2.ParseCreateRequest(r.msg)
	if err != nil {
		return err
	}
	limits := &c.server.limits
	switch {
	case r.session.opens >= limits.Opens:
		return c.reject(rejectOpens, smb2.StatusTooManyOpenedFiles)
	case c.opens.count >= limits.OpensPerConnection:
		return c.reject(rejectOpensPerConnection, smb2.StatusTooManyOpenedFiles)
	}
	file, p, err := r.tree.tree.Create(&q, r.header.Flags.Has(smb2.FlagDFS))
	if err != nil {
		return err
	}
	o := &open{file: file, session: r.session, tree: r.tree}
	c.opens.add(o)
	r.session.opens++
	c.server.metrics.opens.Inc()
	r.chain.setFile(o.id)
	p.FileID = o.id
	answer(r, p)
	return nil
}

// close gives an open back (3.3.5.10).
func (c *conn) close(r *request) error {
	q, err := smb2.ParseCloseRequest(r.msg)
	if err != nil {
		return err
	}
	o, err := c.openOf(r, q.FileID)
	if err != nil {
		return err
	}
	answer(r, c.endOpen(o, q))
	return nil
}

// endOpen answers what waits for o and forgets it.
func (c *conn) endOpen(o *open, q smb2.CloseRequest) smb2.CloseResponse {
	c.settleOpen(o)
	p := o.file.Close(q)
	c.opens.remove(o)
	o.session.opens--
	c.server.metrics.opens.Dec()
	return p
}

func (c *conn) flush(r *request) error {
	q, err := smb2.ParseFlushRequest(r.msg)
	if err != nil {
		return err
	}
	o, err := c.openOf(r, q.FileID)
	if err != nil {
		return err
	}
	if err := o.file.Flush(); err != nil {
		return err
	}
	answer(r, smb2.FlushResponse{})
	return nil
}

// read reads from a pipe; an empty one makes the request wait (3.3.5.12).
func (c *conn) read(r *request) error {
	q, err := smb2.ParseReadRequest(r.msg)
	if err != nil {
		return err
	}
	o, err := c.openOf(r, q.FileID)
	if err != nil {
		return err
	}
	if err := c.checkSize(r, q.Length); err != nil {
		return err
	}
	data, err := o.file.Read(q)
	switch {
	case errors.Is(err, smbtree.ErrWouldBlock):
		return c.park(r, o, &q)
	case partial(err, data):
		r.warn(err)
	case err != nil:
		return err
	}
	answer(r, smb2.ReadResponse{Data: data})
	return nil
}

func (c *conn) writeFile(r *request) error {
	q, err := smb2.ParseWriteRequest(r.msg)
	if err != nil {
		return err
	}
	o, err := c.openOf(r, q.FileID)
	if err != nil {
		return err
	}
	if err := c.checkSize(r, uint32(len(q.Data))); err != nil {
		return err
	}
	n, err := o.file.Write(q)
	if err != nil {
		return err
	}
	answer(r, smb2.WriteResponse{Count: n})
	return nil
}

func (c *conn) lock(r *request) error {
	q, err := smb2.ParseLockRequest(r.msg)
	if err != nil {
		return err
	}
	o, err := c.openOf(r, q.FileID)
	if err != nil {
		return err
	}
	if err := o.file.Lock(); err != nil {
		return err
	}
	answer(r, smb2.LockResponse{})
	return nil
}

func (c *conn) echo(r *request) error {
	if _, err := smb2.ParseEchoRequest(r.msg); err != nil {
		return err
	}
	answer(r, smb2.EchoResponse{})
	return nil
}

// queryDirectory lists a folder (3.3.5.18).
func (c *conn) queryDirectory(r *request) error {
	q, err := smb2.ParseQueryDirectoryRequest(r.msg)
	if err != nil {
		return err
	}
	o, err := c.openOf(r, q.FileID)
	if err != nil {
		return err
	}
	if err := c.checkSize(r, q.OutputLength); err != nil {
		return err
	}
	data, err := o.file.QueryDirectory(&q)
	switch {
	case partial(err, data):
		r.warn(err)
	case err != nil:
		return err
	}
	answer(r, smb2.QueryDirectoryResponse{Output: data})
	return nil
}

// queryInfo answers what is known of an open (3.3.5.20).
func (c *conn) queryInfo(r *request) error {
	q, err := smb2.ParseQueryInfoRequest(r.msg)
	if err != nil {
		return err
	}
	o, err := c.openOf(r, q.FileID)
	if err != nil {
		return err
	}
	if err := c.checkSize(r, q.OutputLength, uint32(len(q.Input))); err != nil {
		return err
	}
	data, err := o.file.QueryInfo(&q)
	switch {
	case partial(err, data):
		r.warn(err)
	case err != nil:
		return err
	}
	answer(r, smb2.QueryInfoResponse{Output: data})
	return nil
}

func (c *conn) setInfo(r *request) error {
	q, err := smb2.ParseSetInfoRequest(r.msg)
	if err != nil {
		return err
	}
	o, err := c.openOf(r, q.FileID)
	if err != nil {
		return err
	}
	if err := c.checkSize(r, uint32(len(q.Input))); err != nil {
		return err
	}
	if err := o.file.SetInfo(&q); err != nil {
		return err
	}
	answer(r, smb2.SetInfoResponse{})
	return nil
}
