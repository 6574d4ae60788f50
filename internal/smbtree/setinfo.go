package smbtree

import (
	"errors"
	"strings"

	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
)

// setInfo refuses SET_INFO ([MS-SMB2] 3.3.5.21): nothing in a namespace changes
// at a client's wish. How it refuses tells a client whether it asked well.
func (o *folder) setInfo(r *smb2.SetInfoRequest) error {
	switch r.Type {
	case smb2.InfoFile:
		return o.setFile(fscc.FileClass(r.Class), r.Input)
	case smb2.InfoFileSystem:
		return setVolume(fscc.VolumeClass(r.Class))
	case smb2.InfoSecurity:
		return smb2.StatusAccessDenied
	case smb2.InfoQuota:
		return smb2.StatusNotSupported
	}
	return smb2.StatusInvalidParameter
}

func (o *folder) setFile(c fscc.FileClass, input []byte) error {
	switch c {
	case fscc.FileRename, fscc.FileLink, fscc.FileRenameEx, fscc.FileLinkEx:
		return o.rename(input)
	}
	shortest, settable := shortestInput(c)
	switch {
	case !c.Documented():
		return smb2.StatusInvalidInfoClass
	case !settable:
		return smb2.StatusNotSupported
	case len(input) < shortest:
		return smb2.StatusInfoLengthMismatch
	}
	return smb2.StatusAccessDenied
}

// shortestInput returns the size of the structure that sets the class, and
// whether anything can.
func shortestInput(c fscc.FileClass) (bytes int, ok bool) {
	switch c {
	case fscc.FileBasic:
		return 40, true
	case fscc.FileDisposition:
		return 1, true
	case fscc.FileMode, fscc.FileShortName, fscc.FileDispositionEx:
		return 4, true
	case fscc.FilePosition, fscc.FileAllocation, fscc.FileEndOfFile, fscc.FileValidLength, fscc.FileFullEA:
		return 8, true
	}
	return 0, false
}

// rename refuses a new name, of the folder or beside its own. The name is
// relative to the share, with the DFS flag too: `host\share\x` asks for a folder
// that is not there.
func (o *folder) rename(input []byte) error {
	target, err := fscc.ParseRename(input)
	if err != nil {
		return smb2.StatusInvalidParameter
	}
	_, err = walk(o.root, parentOf(target))
	if errors.Is(err, smb2.StatusObjectNameNotFound) || errors.Is(err, smb2.StatusObjectPathNotFound) {
		return smb2.StatusObjectPathNotFound
	}
	return smb2.StatusAccessDenied
}

// parentOf returns path without its last component.
func parentOf(path string) string { return path[:max(strings.LastIndexByte(path, '\\'), 0)] }

func setVolume(c fscc.VolumeClass) error {
	switch c {
	case fscc.VolumeLabel, fscc.VolumeControl, fscc.VolumeObjectID:
		return smb2.StatusAccessDenied
	}
	if c.Documented() {
		return smb2.StatusNotSupported
	}
	return smb2.StatusInvalidInfoClass
}
