package smbtree

import "dfsd/internal/smb2"

// Tree is one share as one session is connected to it.
type Tree struct {
	forest *Forest
	client Client
	share  string // as configured
	pipes  bool
}

// accessRead is what a namespace lets everyone do with a folder: list, traverse,
// read attributes and rights.
const accessRead = smb2.AccessListDirectory | smb2.AccessReadEA | smb2.AccessTraverse |
	smb2.AccessReadAttributes | smb2.AccessReadControl | smb2.AccessSynchronize

// accessPipes is the maximal access of IPC$ as Windows tells it to those who are
// no administrators; what a pipe lets them do, it says itself.
const accessPipes smb2.Access = 0x001F00A9

// IsPipe tells IPC$ from a namespace.
func (t *Tree) IsPipe() bool { return t.pipes }

// ShareName returns the name of the share as it is configured.
func (t *Tree) ShareName() string { return t.share }

// Response returns the body that answers the TREE_CONNECT ([MS-SMB2] 2.2.10). A
// namespace says twice that it is one, since clients look in different places.
func (t *Tree) Response() smb2.TreeConnectResponse {
	if t.pipes {
		return smb2.TreeConnectResponse{
			Type:          smb2.SharePipe,
			Flags:         smb2.ShareFlagNoCaching,
			MaximalAccess: accessPipes,
		}
	}
	return smb2.TreeConnectResponse{
		Type:          smb2.ShareDisk,
		Flags:         smb2.ShareFlagDFS | smb2.ShareFlagDFSRoot | smb2.ShareFlagNoCaching,
		Capabilities:  smb2.ShareCapDFS,
		MaximalAccess: accessRead,
	}
}
