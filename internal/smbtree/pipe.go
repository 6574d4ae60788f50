package smbtree

import (
	"errors"

	"dfsd/internal/dcerpc"
	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
)

// pipe is an open pipe: an RPC association, which ends with it.
type pipe struct {
	association *dcerpc.Pipe
	mode        fscc.PipeMode
	broken      bool // the client wrote what no RPC client writes
}

// openPipe opens one of the pipes that dcerpc offers, by a name of its own and
// nothing else. A client that proved nothing gets none, and is not told which
// there are ([MS-SMB2] 3.3.5.9).
func (t *Tree) openPipe(r *smb2.CreateRequest) (*Open, error) {
	switch {
	case r.Impersonation == smb2.ImpersonationDelegate:
		return nil, smb2.StatusBadImpersonationLevel
	case t.client.Anonymous:
		return nil, smb2.StatusAccessDenied
	}
	h := t.forest.o.Host
	association, err := dcerpc.Open(r.Name, dcerpc.Host{
		Name:    h.Name,
		Domain:  h.Domain,
		Comment: h.Comment,
		Shares:  t.forest.shares,
	})
	switch {
	case err != nil:
		return nil, smb2.StatusObjectNameNotFound
	case r.Disposition == smb2.DispositionCreate:
		return nil, smb2.StatusObjectNameCollision
	case r.Options.Has(smb2.OptionDirectoryFile):
		return nil, smb2.StatusNotADirectory
	case replaces(r.Disposition), r.Options.Has(smb2.OptionDeleteOnClose):
		return nil, smb2.StatusAccessDenied
	}
	return &Open{pipe: &pipe{association: association, mode: fscc.PipeMessage}}, nil
}

func (p *pipe) createResponse() smb2.CreateResponse {
	return smb2.CreateResponse{
		Action:         smb2.ActionOpened,
		AllocationSize: fscc.PipeQuota,
		FileAttributes: uint32(fscc.AttributeNormal),
	}
}

// read returns the next part of a message, at most limit bytes. A part that is
// not the last comes with STATUS_BUFFER_OVERFLOW, to those who read messages
// ([MS-SMB2] 3.3.5.12).
func (p *pipe) read(limit uint32) ([]byte, error) {
	part, more := p.association.Read(int(limit))
	switch {
	case part == nil && p.broken:
		return nil, smb2.StatusPipeBroken
	case part == nil:
		return nil, ErrWouldBlock
	case more && p.mode == fscc.PipeMessage:
		return part, smb2.StatusBufferOverflow
	}
	return part, nil
}

func (p *pipe) write(b []byte) error {
	if err := p.association.Write(b); err != nil {
		p.broken = true
		return smb2.StatusPipeBroken
	}
	return nil
}

// transceive writes a message and returns its answer ([MS-SMB2] 3.3.5.15.10).
// STATUS_PIPE_EMPTY means that input was not the end of a call.
func (p *pipe) transceive(input []byte, limit uint32) ([]byte, error) {
	if err := p.write(input); err != nil {
		return nil, err
	}
	answer, err := p.read(limit)
	if errors.Is(err, ErrWouldBlock) {
		return nil, smb2.StatusPipeEmpty
	}
	return answer, err
}

// ioctl: what pipes do not know is refused as Samba does on IPC$.
func (p *pipe) ioctl(code uint32, input []byte, maxOutput uint32) ([]byte, error) {
	switch code {
	case smb2.FSCTLPipeTransceive:
		return p.transceive(input, maxOutput)
	case smb2.FSCTLPipePeek:
		return nil, smb2.StatusNotSupported
	}
	return nil, smb2.StatusFSDriverRequired
}

// queryInfo answers what RPC clients ask of a pipe.
func (p *pipe) queryInfo(r *smb2.QueryInfoRequest) ([]byte, error) {
	if r.Type != smb2.InfoFile {
		return nil, smb2.StatusNotSupported
	}
	c := fscc.FileClass(r.Class)
	switch c {
	case fscc.FileStandard, fscc.FilePipe, fscc.FilePipeLocal:
	default:
		if c.Documented() {
			return nil, smb2.StatusNotSupported
		}
		return nil, smb2.StatusInvalidInfoClass
	}
	if uint64(r.OutputLength) < uint64(c.MinLength()) {
		return nil, smb2.StatusInfoLengthMismatch
	}
	f := fscc.File{AllocationSize: fscc.PipeQuota, DeletePending: true, PipeMode: p.mode}
	return f.Append(nil, c), nil
}

// setInfo lets a client choose how it reads, and nothing else.
func (p *pipe) setInfo(r *smb2.SetInfoRequest) error {
	c := fscc.FileClass(r.Class)
	switch {
	case r.Type != smb2.InfoFile:
		return smb2.StatusNotSupported
	case !c.Documented():
		return smb2.StatusInvalidInfoClass
	case c != fscc.FilePipe:
		return smb2.StatusNotSupported
	case len(r.Input) < c.MinLength():
		return smb2.StatusInfoLengthMismatch
	}
	mode, err := fscc.ParsePipeMode(r.Input)
	if err != nil {
		return smb2.StatusInvalidParameter
	}
	p.mode = mode
	return nil
}
