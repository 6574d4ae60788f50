package smb2

import "testing"

// One target per message that has fields; the bodies without any are covered by
// FuzzCompound.

func FuzzNegotiateRequest(f *testing.F) { fuzzMessage(f, "negotiate-request", ParseNegotiateRequest) }

func FuzzSessionSetupRequest(f *testing.F) {
	fuzzMessage(f, "session-setup-request", ParseSessionSetupRequest)
}

func FuzzTreeConnectRequest(f *testing.F) {
	fuzzMessage(f, "tree-connect-request", ParseTreeConnectRequest)
}
func FuzzCreateRequest(f *testing.F) { fuzzMessage(f, "create-request", ParseCreateRequest) }
func FuzzCloseRequest(f *testing.F)  { fuzzMessage(f, "close-request", ParseCloseRequest) }
func FuzzFlushRequest(f *testing.F)  { fuzzMessage(f, "flush-request", ParseFlushRequest) }
func FuzzReadRequest(f *testing.F)   { fuzzMessage(f, "read-request", ParseReadRequest) }
func FuzzWriteRequest(f *testing.F)  { fuzzMessage(f, "write-request", ParseWriteRequest) }
func FuzzLockRequest(f *testing.F)   { fuzzMessage(f, "lock-request", ParseLockRequest) }
func FuzzIoctlRequest(f *testing.F)  { fuzzMessage(f, "ioctl-request", ParseIoctlRequest) }
func FuzzQueryDirectoryRequest(f *testing.F) {
	fuzzMessage(f, "query-directory-request", ParseQueryDirectoryRequest)
}

func FuzzChangeNotifyRequest(f *testing.F) {
	fuzzMessage(f, "change-notify-request", ParseChangeNotifyRequest)
}
func FuzzQueryInfoRequest(f *testing.F) { fuzzMessage(f, "query-info-request", ParseQueryInfoRequest) }
func FuzzSetInfoRequest(f *testing.F)   { fuzzMessage(f, "set-info-request", ParseSetInfoRequest) }
func FuzzOplockBreakRequest(f *testing.F) {
	fuzzMessage(f, "oplock-break-request", ParseOplockBreakRequest)
}

func FuzzNegotiateResponse(f *testing.F) {
	fuzzMessage(f, "negotiate-response", ParseNegotiateResponse)
}

func FuzzSessionSetupResponse(f *testing.F) {
	fuzzMessage(f, "session-setup-response", ParseSessionSetupResponse)
}

func FuzzTreeConnectResponse(f *testing.F) {
	fuzzMessage(f, "tree-connect-response", ParseTreeConnectResponse)
}
func FuzzCreateResponse(f *testing.F) { fuzzMessage(f, "create-response", ParseCreateResponse) }
func FuzzCloseResponse(f *testing.F)  { fuzzMessage(f, "close-response", ParseCloseResponse) }
func FuzzReadResponse(f *testing.F)   { fuzzMessage(f, "read-response", ParseReadResponse) }
func FuzzWriteResponse(f *testing.F)  { fuzzMessage(f, "write-response", ParseWriteResponse) }
func FuzzIoctlResponse(f *testing.F)  { fuzzMessage(f, "ioctl-response", ParseIoctlResponse) }
func FuzzQueryDirectoryResponse(f *testing.F) {
	fuzzMessage(f, "query-directory-response", ParseQueryDirectoryResponse)
}

func FuzzChangeNotifyResponse(f *testing.F) {
	fuzzMessage(f, "change-notify-response", ParseChangeNotifyResponse)
}

func FuzzQueryInfoResponse(f *testing.F) {
	fuzzMessage(f, "query-info-response", ParseQueryInfoResponse)
}

func FuzzOplockBreakResponse(f *testing.F) {
	fuzzMessage(f, "oplock-break-response", ParseOplockBreakResponse)
}
func FuzzErrorResponse(f *testing.F) { fuzzMessage(f, "error-response", ParseErrorResponse) }
