package smbd

import (
	"errors"

	"dfsd/internal/smb2"
	"dfsd/internal/smbauth"
	"dfsd/internal/smbtree"
	"dfsd/referral"
	"dfsd/referral/dfsc"
)

// statusTable says which NTSTATUS answers which error; the first match counts.
// The referral rows are those of a server that is no domain controller
// ([MS-DFSC] 3.2.5).
var statusTable = []struct {
	err    error
	status smb2.Status
}{
	{smb2.ErrBadName, smb2.StatusObjectNameInvalid},
	{smb2.ErrMalformed, smb2.StatusInvalidParameter},

	{smbauth.ErrLogonFailure, smb2.StatusLogonFailure},
	{smbauth.ErrMalformedToken, smb2.StatusSecInvalidToken},
	{smbauth.ErrNoMechanism, smb2.StatusInvalidParameter},
	{smbauth.ErrIntegrity, smb2.StatusLogonFailure},

	{referral.ErrDomainReferral, smb2.StatusInvalidParameter},
	{referral.ErrDCReferral, smb2.StatusInvalidParameter},
	{referral.ErrNotFound, smb2.StatusNotFound},
	{referral.ErrUnavailable, smb2.StatusDFSUnavailable},
	{referral.ErrMalformedPath, smb2.StatusInvalidParameter},

	{dfsc.ErrMalformed, smb2.StatusInvalidParameter},
	{dfsc.ErrIllegalCharacter, smb2.StatusIllegalCharacter},
	{dfsc.ErrBufferOverflow, smb2.StatusBufferOverflow},
}

// statusOf returns the NTSTATUS that answers err: success for nil, the status
// itself where err is one, and for what nobody foresaw
// STATUS_INTERNAL_ERROR.
func statusOf(err error) smb2.Status {
	if err == nil {
		return smb2.StatusSuccess
	}
	var status smb2.Status
	if errors.As(err, &status) {
		return status
	}
	var refused *smbauth.LogonError
	if errors.As(err, &refused) && refused.Reason == smbauth.ClockSkew {
		return smb2.StatusTimeDifferenceAtDC
	}
	for _, row := range statusTable {
		if errors.Is(err, row.err) {
			return row.status
		}
	}
	return smb2.StatusInternalError
}

// errorBody returns the body that goes with the status of err.
func errorBody(err error, d smb2.Dialect) smb2.ErrorResponse {
	var small *smbtree.BufferTooSmallError
	if errors.As(err, &small) {
		return smb2.NeededLength(d, small.Needed)
	}
	return smb2.ErrorResponse{}
}
