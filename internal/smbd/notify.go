package smbd

import (
	"errors"
	"slices"

	"dfsd/internal/smb2"
	"dfsd/internal/smbtree"
)

// changeNotify parks a client that wants to hear of changes in a folder
// (3.3.5.19). A namespace changes as a whole, when it is loaded anew.
func (c *conn) changeNotify(r *request) error {
	q, err := smb2.ParseChangeNotifyRequest(r.msg)
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
	if err := o.file.CheckNotify(q); err != nil {
		return err
	}
	return c.park(r, o, nil)
}

// announceChange tells every watcher of the connection to look again: what
// changed where is not said, so the answer is STATUS_NOTIFY_ENUM_DIR.
func (c *conn) announceChange() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.announcing.Store(false)
	for _, p := range slices.Clone(c.parked) {
		if p.open != nil && p.read == nil {
			c.complete(p, smb2.StatusNotifyEnumDir, smb2.ChangeNotifyResponse{})
		}
	}
}

// retryReads answers the parked READs whose pipe holds data by now.
func (c *conn) retryReads() {
	for _, p := range slices.Clone(c.parked) {
		if p.read == nil {
			continue
		}
		data, err := p.open.file.Read(*p.read)
		switch {
		case errors.Is(err, smbtree.ErrWouldBlock):
		case partial(err, data):
			c.complete(p, statusOf(err), smb2.ReadResponse{Data: data})
		case err != nil:
			c.complete(p, statusOf(err), smb2.ErrorResponse{})
		default:
			c.complete(p, smb2.StatusSuccess, smb2.ReadResponse{Data: data})
		}
	}
}
