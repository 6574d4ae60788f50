package smbd

import "dfsd/internal/smb2"

// chain is the operations of one frame (3.3.5.2.7): what they hand on to each
// other, and the reply that grows with them.
type chain struct {
	reply reply
	// sealedBy is the session whose key the frame was encrypted with; nil: it
	// came in the clear.
	sealedBy *session
	// index counts the operations before the current one.
	index int

	// What a related operation takes from the one before.
	hasSession, hasTree, hasFile bool
	sessionID                    uint64
	treeID                       uint32
	file                         smb2.FileID
	// fileFault is why the operation before gave no FileId, though it should
	// have; every related operation that needs one fails alike.
	fileFault smb2.Status

	current request
}

// request is one operation being served.
type request struct {
	chain  *chain
	header smb2.Header
	msg    []byte // from its header on; aliases the frame
	last   bool   // of its chain
	// related: session, tree and file are those of the operation before.
	related bool
	sealed  bool // it came encrypted
	signed  bool // it came with a signature that is right

	session *session
	tree    *tree

	// status of the answer; a handler that appends a body sets it where it is
	// not success.
	status smb2.Status
	// prove makes the connection sign the answer though the request was not
	// signed.
	prove bool
	// hash takes in the whole answer.
	hash *smb2.PreauthHash
}

// inChain reports whether the frame holds other operations than r.
func (r *request) inChain() bool { return r.chain.index > 0 || !r.last }

// answer appends the body of the answer to r.
func answer[B smb2.Body](r *request, body B) {
	r.chain.reply.out = body.AppendBody(r.chain.reply.out)
}

// relate lets a related operation take over the session and tree of the one
// before. The first of a frame cannot be one. Operations that are not related
// may stand between others that are; like Windows, and unlike the letter of
// 3.3.5.2.7, they are served as if they stood alone.
func (ch *chain) relate(r *request) error {
	flagged := r.header.Flags.Has(smb2.FlagRelated)
	if ch.index == 0 && flagged {
		return smb2.StatusInvalidParameter
	}
	if r.related = flagged; r.related {
		r.header.SessionID, r.header.TreeID = ch.sessionID, ch.treeID
	} else {
		ch.hasFile, ch.fileFault = false, smb2.StatusSuccess
	}
	return nil
}

// missing says why a related operation of rule cannot be served, since the one
// before did not get so far; nil if it can.
func (ch *chain) missing(rule *commandRule) error {
	switch {
	case rule.file && ch.fileFault != smb2.StatusSuccess:
		return ch.fileFault
	case rule.session && !ch.hasSession, rule.tree && !ch.hasTree:
		return smb2.StatusInvalidParameter
	case rule.file && !ch.hasFile:
		return smb2.StatusInvalidHandle
	}
	return nil
}

// handOn keeps what the operation after r may need. status is that of r's
// answer.
func (ch *chain) handOn(r *request, rule *commandRule, status smb2.Status) {
	ch.index++
	ch.sessionID, ch.treeID = r.header.SessionID, r.header.TreeID
	if !r.related {
		ch.hasSession, ch.hasTree = r.session != nil, r.tree != nil
	}
	if r.header.Command == smb2.CommandTreeConnect {
		ch.hasTree = !status.IsError()
	}
	if status.IsError() && (r.header.Command == smb2.CommandCreate || rule.file && !ch.hasFile) {
		ch.failFile(status)
	}
}

// setFile keeps the FileId that an operation made or used.
func (ch *chain) setFile(id smb2.FileID) {
	ch.file, ch.hasFile, ch.fileFault = id, true, smb2.StatusSuccess
}

// failFile keeps why an operation had no FileId to hand on.
func (ch *chain) failFile(status smb2.Status) {
	ch.hasFile, ch.fileFault = false, status
}
