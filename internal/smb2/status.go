package smb2

import "fmt"

// Status is an NTSTATUS. It is an error, so that functions may return one; only
// IsError says whether it is a failure.
type Status uint32

// The statuses that [MS-SMB2] and [MS-DFSC] name for what this product does, and
// those that DFS clients act upon.
const (
	StatusSuccess       Status = 0x00000000
	StatusPending       Status = 0x00000103
	StatusNotifyCleanup Status = 0x0000010B
	StatusNotifyEnumDir Status = 0x0000010C

	StatusBufferOverflow Status = 0x80000005
	StatusNoMoreFiles    Status = 0x80000006
	StatusNoMoreEntries  Status = 0x8000001A
	StatusDeviceOffLine  Status = 0x80000010

	StatusUnsuccessful           Status = 0xC0000001
	StatusInvalidInfoClass       Status = 0xC0000003
	StatusInfoLengthMismatch     Status = 0xC0000004
	StatusInvalidHandle          Status = 0xC0000008
	StatusInvalidParameter       Status = 0xC000000D
	StatusNoSuchDevice           Status = 0xC000000E
	StatusNoSuchFile             Status = 0xC000000F
	StatusInvalidDeviceRequest   Status = 0xC0000010
	StatusEndOfFile              Status = 0xC0000011
	StatusMoreProcessingRequired Status = 0xC0000016
	StatusNoMemory               Status = 0xC0000017
	StatusAccessDenied           Status = 0xC0000022
	StatusBufferTooSmall         Status = 0xC0000023
	StatusObjectNameInvalid      Status = 0xC0000033
	StatusObjectNameNotFound     Status = 0xC0000034
	StatusObjectNameCollision    Status = 0xC0000035
	StatusObjectPathNotFound     Status = 0xC000003A
	StatusObjectPathSyntaxBad    Status = 0xC000003B
	StatusSharingViolation       Status = 0xC0000043
	StatusNoLogonServers         Status = 0xC000005E
	StatusNoSuchLogonSession     Status = 0xC000005F
	StatusWrongPassword          Status = 0xC000006A
	StatusLogonFailure           Status = 0xC000006D
	StatusTimeDifferenceAtDC     Status = 0xC0000133
	StatusAccountRestriction     Status = 0xC000006E
	StatusPasswordExpired        Status = 0xC0000071
	StatusAccountDisabled        Status = 0xC0000072
	StatusInsufficientResources  Status = 0xC000009A
	StatusMediaWriteProtected    Status = 0xC00000A2
	StatusBadImpersonationLevel  Status = 0xC00000A5
	StatusPipeNotAvailable       Status = 0xC00000AC
	StatusPipeDisconnected       Status = 0xC00000B0
	StatusIOTimeout              Status = 0xC00000B5
	StatusFileIsADirectory       Status = 0xC00000BA
	StatusNotSupported           Status = 0xC00000BB
	StatusRemoteNotListening     Status = 0xC00000BC
	StatusDuplicateName          Status = 0xC00000BD
	StatusBadNetworkPath         Status = 0xC00000BE
	StatusNetworkBusy            Status = 0xC00000BF
	StatusInvalidNetworkResponse Status = 0xC00000C3
	StatusUnexpectedNetworkError Status = 0xC00000C4
	StatusNetworkNameDeleted     Status = 0xC00000C9
	StatusNetworkAccessDenied    Status = 0xC00000CA
	StatusBadNetworkName         Status = 0xC00000CC
	StatusSharingPaused          Status = 0xC00000CF
	StatusRequestNotAccepted     Status = 0xC00000D0
	StatusVirtualCircuitClosed   Status = 0xC00000D6
	StatusPipeEmpty              Status = 0xC00000D9
	StatusInternalError          Status = 0xC00000E5
	StatusNotADirectory          Status = 0xC0000103
	StatusTooManyOpenedFiles     Status = 0xC000011F
	StatusCancelled              Status = 0xC0000120
	StatusFileClosed             Status = 0xC0000128
	StatusInvalidLevel           Status = 0xC0000148
	StatusPipeBroken             Status = 0xC000014B
	StatusIllegalCharacter       Status = 0xC0000161
	StatusUnmappableCharacter    Status = 0xC0000162
	StatusDiskOperationFailed    Status = 0xC000016A
	StatusNetlogonNotStarted     Status = 0xC0000192
	StatusFSDriverRequired       Status = 0xC000019C
	StatusUserSessionDeleted     Status = 0xC0000203
	StatusConnectionDisconnected Status = 0xC000020C
	StatusConnectionReset        Status = 0xC000020D
	StatusPasswordMustChange     Status = 0xC0000224
	StatusNotFound               Status = 0xC0000225
	StatusAccountLockedOut       Status = 0xC0000234
	StatusConnectionRefused      Status = 0xC0000236
	StatusNetworkUnreachable     Status = 0xC000023C
	StatusHostUnreachable        Status = 0xC000023D
	StatusPathNotCovered         Status = 0xC0000257
	StatusDFSUnavailable         Status = 0xC000026D
	StatusNotAReparsePoint       Status = 0xC0000275
	StatusIOReparseTagNotHandled Status = 0xC0000279
	StatusNetworkSessionExpired  Status = 0xC000035C
	StatusNoPreauthHashOverlap   Status = 0xC05D0000
	StatusSecUnsupportedFunction Status = 0x80090302
	StatusSecInvalidToken        Status = 0x80090308
)

// secFacility is the upper half of the SSPI codes that SMB carries in place of
// an NTSTATUS; their severity bits lie.
const secFacility = 0x8009

// IsError reports whether s is a failure; a response that carries it has an
// error body, STATUS_MORE_PROCESSING_REQUIRED excepted.
func (s Status) IsError() bool { return s>>30 == 3 || s>>16 == secFacility }

// IsWarning reports whether s says that a result is incomplete, such as
// STATUS_BUFFER_OVERFLOW. Data may stand beside it.
func (s Status) IsWarning() bool { return s>>30 == 2 && s>>16 != secFacility }

// Error makes a Status an error; it is String.
func (s Status) Error() string { return s.String() }

// String returns the name that Microsoft gave it, or the number in hexadecimal.
func (s Status) String() string {
	if name, ok := statusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("STATUS_0x%08X", uint32(s))
}
