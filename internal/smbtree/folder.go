package smbtree

import (
	"encoding/binary"

	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
	"dfsd/namespace"
)

// folder is an open folder of a namespace, never a link.
type folder struct {
	root    *namespace.Root
	node    namespace.Node
	serial  uint64 // of the volume
	created fscc.Filetime
	dialect smb2.Dialect
	granted smb2.Access
	mode    uint32 // the create options that last
	scan    *scan  // nil before the first QUERY_DIRECTORY
	quota   bool   // it stands for the quota index
}

// createResponse answers r, which opened o. Create contexts that are not answered
// are ones that were not understood ([MS-SMB2] 3.3.5.9).
func (o *folder) createResponse(r *smb2.CreateRequest) smb2.CreateResponse {
	at := smb2.Filetime(o.created)
	answer := smb2.CreateResponse{
		Action:         smb2.ActionOpened,
		Creation:       at,
		LastAccess:     at,
		LastWrite:      at,
		Change:         at,
		FileAttributes: uint32(o.attributes()),
	}
	if _, ok := smb2.FindContext(r.Contexts, smb2.ContextMaximalAccess); ok {
		answer.Contexts = append(answer.Contexts, smb2.MaximalAccessContext(smb2.StatusSuccess, accessRead))
	}
	if _, ok := smb2.FindContext(r.Contexts, smb2.ContextDiskID); ok {
		answer.Contexts = append(answer.Contexts, smb2.DiskIDContext(o.node.ID(), o.serial))
	}
	return answer
}

func (o *folder) close(r smb2.CloseRequest) smb2.CloseResponse {
	if r.Flags&smb2.ClosePostQueryAttributes == 0 {
		return smb2.CloseResponse{}
	}
	at := smb2.Filetime(o.created)
	return smb2.CloseResponse{
		Flags:          smb2.ClosePostQueryAttributes,
		Creation:       at,
		LastAccess:     at,
		LastWrite:      at,
		Change:         at,
		FileAttributes: uint32(o.attributes()),
	}
}

// checkNotify: watching a folder takes the right to list it ([MS-SMB2]
// 3.3.5.19).
func (o *folder) checkNotify() error {
	if !o.granted.Has(smb2.AccessListDirectory) {
		return smb2.StatusAccessDenied
	}
	return nil
}

func (o *folder) ioctl(code, maxOutput uint32) ([]byte, error) {
	switch code {
	case smb2.FSCTLCreateOrGetObjectID:
		if maxOutput < fscc.ObjectIDBufferSize {
			return nil, smb2.StatusInvalidParameter // [MS-FSA] 2.1.5.10.1
		}
		return fscc.AppendObjectIDBuffer(nil, objectID(o.serial, o.node.ID()), o.volumeID()), nil
	case smb2.FSCTLGetReparsePoint:
		return nil, smb2.StatusNotAReparsePoint
	case smb2.FSCTLGetObjectID, smb2.FSCTLSrvEnumerateSnapshots, smb2.FSCTLSrvRequestResumeKey:
		return nil, smb2.StatusNotSupported
	}
	return nil, smb2.StatusInvalidDeviceRequest
}

// volumeID names the volume for link tracking.
func (o *folder) volumeID() fscc.ObjectID { return objectID(o.serial, o.root.ID()) }

func objectID(serial, id uint64) (x fscc.ObjectID) {
	binary.LittleEndian.PutUint64(x[:8], serial)
	binary.LittleEndian.PutUint64(x[8:], id)
	return x
}
