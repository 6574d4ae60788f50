package smbprobe

import (
	"fmt"

	"dfsd/internal/smb2"
	"dfsd/referral/health"
)

// judgeTree says what the answer to a TREE_CONNECT means for the targets of the
// share; nil is good.
func judgeTree(s smb2.Status, unc string) *health.Failure {
	words := "cannot be connected to"
	switch s {
	case smb2.StatusSuccess, smb2.StatusAccessDenied, smb2.StatusNetworkAccessDenied, smb2.StatusPathNotCovered:
		return nil
	case smb2.StatusBadNetworkName, smb2.StatusBadNetworkPath, smb2.StatusObjectNameNotFound, smb2.StatusNotFound:
		words = "does not exist"
	case smb2.StatusRequestNotAccepted:
		words = "has as many users as it may have"
	case smb2.StatusSharingPaused:
		words = "is paused"
	case smb2.StatusNetworkNameDeleted:
		words = "was deleted"
	case smb2.StatusInsufficientResources, smb2.StatusNoMemory:
		words = "cannot be served, the server lacks resources"
	}
	return &health.Failure{Stage: health.StageTree, Err: fmt.Errorf("share %s %s (%w)", unc, words, s)}
}

// judgePath says what the answer to the opening of a folder means for the
// target; nil is good.
func judgePath(s smb2.Status, unc, folder string) *health.Failure {
	words := "cannot be opened"
	switch s {
	case smb2.StatusSuccess, smb2.StatusAccessDenied, smb2.StatusNetworkAccessDenied, smb2.StatusSharingViolation,
		smb2.StatusPathNotCovered, statusStoppedOnSymlink:
		return nil
	case smb2.StatusObjectNameNotFound, smb2.StatusObjectPathNotFound, smb2.StatusNoSuchFile, smb2.StatusNotFound:
		words = "does not exist"
	case smb2.StatusNotADirectory:
		words = "is not a folder"
	case smb2.StatusObjectNameInvalid, smb2.StatusObjectPathSyntaxBad, smb2.StatusIllegalCharacter:
		words = "is not a path that the server understands"
	case smb2.StatusNetworkNameDeleted:
		words = "is gone with its share"
	case smb2.StatusNoSuchDevice, smb2.StatusDeviceOffLine, smb2.StatusDiskOperationFailed, smb2.StatusIOTimeout, smb2.StatusUnexpectedNetworkError:
		words = "is on a disk that the server cannot read"
	case smb2.StatusInsufficientResources, smb2.StatusNoMemory, smb2.StatusTooManyOpenedFiles:
		words = "cannot be opened, the server lacks resources"
	}
	return &health.Failure{Stage: health.StagePath, Err: fmt.Errorf("path %s %s (%w)", join(unc, folder), words, s)}
}

// statusStoppedOnSymlink sends the client on to where a symbolic link leads.
const statusStoppedOnSymlink smb2.Status = 0x8000002D

func join(unc, folder string) string {
	if folder == "" {
		return unc
	}
	return unc + `\` + folder
}
