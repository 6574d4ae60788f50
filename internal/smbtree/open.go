package smbtree

import "dfsd/internal/smb2"

// Open is what one CREATE opened: a folder of a namespace or a pipe. It serves
// one goroutine at a time and holds nothing that needs closing: the caller may
// drop it without Close.
type Open struct {
	folder *folder // nil for a pipe
	pipe   *pipe   // nil for a folder
}

// IsPipe tells a pipe from a folder.
func (o *Open) IsPipe() bool { return o.pipe != nil }

// IsDirectory tells a folder from a pipe.
func (o *Open) IsDirectory() bool { return o.folder != nil }

func (o *Open) createResponse(r *smb2.CreateRequest) smb2.CreateResponse {
	if o.IsPipe() {
		return o.pipe.createResponse()
	}
	return o.folder.createResponse(r)
}

// Close returns what answers r, with the attributes if it asks for them.
func (o *Open) Close(r smb2.CloseRequest) smb2.CloseResponse {
	if o.IsPipe() {
		return smb2.CloseResponse{}
	}
	return o.folder.close(r)
}

// QueryDirectory returns the next entries of a listing, at most r.OutputLength
// bytes. The caller owns them.
func (o *Open) QueryDirectory(r *smb2.QueryDirectoryRequest) ([]byte, error) {
	if o.IsPipe() {
		return nil, smb2.StatusInvalidParameter
	}
	return o.folder.queryDirectory(r)
}

// QueryInfo returns what r asks for, at most r.OutputLength bytes. The caller
// owns them. The error may be a *BufferTooSmallError.
func (o *Open) QueryInfo(r *smb2.QueryInfoRequest) ([]byte, error) {
	if o.IsPipe() {
		return o.pipe.queryInfo(r)
	}
	return o.folder.queryInfo(r)
}

// SetInfo changes what r asks for: the read mode of a pipe, and nothing in a
// namespace.
func (o *Open) SetInfo(r *smb2.SetInfoRequest) error {
	if o.IsPipe() {
		return o.pipe.setInfo(r)
	}
	return o.folder.setInfo(r)
}

// Read returns the next part of an answer on a pipe, at most r.Length bytes. The
// caller owns it. The error may be ErrWouldBlock. Folders have no content to
// read.
func (o *Open) Read(r smb2.ReadRequest) ([]byte, error) {
	if o.IsPipe() {
		return o.pipe.read(r.Length)
	}
	return nil, smb2.StatusInvalidDeviceRequest
}

// Write hands r.Data to a pipe and returns how many bytes it took. It keeps
// nothing of them. Folders take none.
func (o *Open) Write(r smb2.WriteRequest) (uint32, error) {
	if !o.IsPipe() {
		return 0, smb2.StatusAccessDenied
	}
	if err := o.pipe.write(r.Data); err != nil {
		return 0, err
	}
	return uint32(len(r.Data)), nil
}

// Flush returns nil: there is never anything to write out.
func (o *Open) Flush() error { return nil }

// Lock refuses: there are no bytes to lock.
func (o *Open) Lock() error { return smb2.StatusNotSupported }

// Ioctl answers a control code on this open with at most maxOutput bytes. The
// caller owns them, and answers the codes that go to no open itself.
func (o *Open) Ioctl(code uint32, input []byte, maxOutput uint32) ([]byte, error) {
	if o.IsPipe() {
		return o.pipe.ioctl(code, input, maxOutput)
	}
	return o.folder.ioctl(code, maxOutput)
}

// CheckNotify returns why this open may not be watched, or nil. A watch on a
// folder never ends by itself, since nothing changes under an open.
func (o *Open) CheckNotify(smb2.ChangeNotifyRequest) error {
	if o.IsPipe() {
		return smb2.StatusInvalidParameter
	}
	return o.folder.checkNotify()
}
