package smbtree

import (
	"errors"

	"dfsd/internal/smb2"
	"dfsd/namespace"
)

// Create options that smb2 does not name.
const (
	optionReserveOpfilter smb2.CreateOptions = 0x00100000
	optionsUndefined      smb2.CreateOptions = 0xFF000000
	// optionsLasting are the options that FileModeInformation shows: write
	// through, sequential, no buffering, synchronous alert and non-alert,
	// delete on close.
	optionsLasting smb2.CreateOptions = 0x0000103E
)

// Create opens what r names ([MS-SMB2] 3.3.5.9); dfs is the DFS_OPERATIONS flag
// of its header, which means nothing on IPC$. Nothing is ever created, changed or
// deleted, and no oplock, lease or durable handle granted. A namespace that is
// offline gives STATUS_DFS_UNAVAILABLE, one that has gone since the tree connect
// STATUS_NETWORK_NAME_DELETED. FileID is left zero in the response for the caller
// to fill.
func (t *Tree) Create(r *smb2.CreateRequest, dfs bool) (*Open, smb2.CreateResponse, error) {
	o, err := t.open(r, dfs)
	if err != nil {
		return nil, smb2.CreateResponse{}, err
	}
	return o, o.createResponse(r), nil
}

func (t *Tree) open(r *smb2.CreateRequest, dfs bool) (*Open, error) {
	if err := checkCreate(r); err != nil {
		return nil, err
	}
	if t.pipes {
		return t.openPipe(r)
	}
	return t.openFolder(r, dfs)
}

// checkCreate returns what forbids r whatever it names ([MS-SMB2] 3.3.5.9,
// [MS-FSA] 2.1.5.1).
func checkCreate(r *smb2.CreateRequest) error {
	directory := r.Options.Has(smb2.OptionDirectoryFile)
	switch {
	case r.Impersonation > smb2.ImpersonationDelegate:
		return smb2.StatusBadImpersonationLevel
	case r.Disposition > smb2.DispositionOverwriteIf,
		r.ShareAccess&^(smb2.ShareRead|smb2.ShareWrite|smb2.ShareDelete) != 0,
		r.Options&optionsUndefined != 0,
		directory && r.Options.Has(smb2.OptionNonDirectoryFile),
		directory && replaces(r.Disposition):
		return smb2.StatusInvalidParameter
	case r.Options&(smb2.OptionOpenByFileID|optionReserveOpfilter) != 0:
		return smb2.StatusNotSupported
	}
	return nil
}

// replaces reports whether d puts a new file in place of one that exists.
func replaces(d smb2.Disposition) bool {
	return d == smb2.DispositionSupersede || d == smb2.DispositionOverwrite || d == smb2.DispositionOverwriteIf
}

func (t *Tree) openFolder(r *smb2.CreateRequest, dfs bool) (*Open, error) {
	root, ok := t.forest.o.Snapshot().Root(t.share)
	switch {
	case !ok:
		return nil, smb2.StatusNetworkNameDeleted
	case root.State() == namespace.Offline:
		return nil, smb2.StatusDFSUnavailable
	}
	node, err := root.Top(), error(nil)
	quota := isQuotaIndex(r.Name, dfs)
	if !quota {
		node, err = lookup(root, r.Name, dfs)
	}
	switch {
	case errors.Is(err, smb2.StatusObjectNameNotFound):
		err = refuseMissing(r)
	case err == nil:
		err = refuseExisting(r)
	}
	if err != nil {
		return nil, err
	}
	granted, err := grant(r.DesiredAccess)
	if err != nil {
		return nil, err
	}
	o := &folder{
		root:    root,
		node:    node,
		serial:  t.forest.serial(root),
		created: t.forest.start,
		dialect: t.client.Dialect,
		granted: granted,
		mode:    uint32(r.Options & optionsLasting),
	}
	if quota {
		o = o.asQuotaIndex()
	}
	return &Open{folder: o}, nil
}

// refuseMissing returns why r cannot have a name that is not there.
func refuseMissing(r *smb2.CreateRequest) error {
	if r.Disposition == smb2.DispositionOpen || r.Disposition == smb2.DispositionOverwrite {
		return smb2.StatusObjectNameNotFound
	}
	return smb2.StatusAccessDenied
}

// refuseExisting returns why r cannot have a folder that is there, or nil.
func refuseExisting(r *smb2.CreateRequest) error {
	switch {
	case r.Disposition == smb2.DispositionCreate:
		return smb2.StatusObjectNameCollision
	case r.Options.Has(smb2.OptionNonDirectoryFile):
		return smb2.StatusFileIsADirectory
	case replaces(r.Disposition), r.Options.Has(smb2.OptionDeleteOnClose):
		return smb2.StatusAccessDenied
	}
	return nil
}

// accessUndefined are the bits that no right is defined for ([MS-FSA] 2.1.5.1).
const accessUndefined smb2.Access = 0x0CE0FE00

// grant returns the access that a client gets who wants some, all of it or
// STATUS_ACCESS_DENIED ([MS-FSA] 2.1.5.1.2.1).
func grant(want smb2.Access) (smb2.Access, error) {
	if want == 0 || want&accessUndefined != 0 {
		return 0, smb2.StatusAccessDenied
	}
	rights := want &^ smb2.AccessMaximumAllowed
	if want.Has(smb2.AccessMaximumAllowed) {
		rights |= accessRead
	}
	if rights.Has(smb2.AccessGenericRead) {
		rights |= smb2.AccessListDirectory | smb2.AccessReadEA | smb2.AccessReadAttributes |
			smb2.AccessReadControl | smb2.AccessSynchronize
	}
	if rights.Has(smb2.AccessGenericExecute) {
		rights |= smb2.AccessTraverse | smb2.AccessReadAttributes | smb2.AccessReadControl | smb2.AccessSynchronize
	}
	rights &^= smb2.AccessGenericRead | smb2.AccessGenericExecute
	if rights&^accessRead != 0 {
		return 0, smb2.StatusAccessDenied
	}
	return rights, nil
}
