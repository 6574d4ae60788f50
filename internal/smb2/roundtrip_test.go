package smb2

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// What AppendBody writes, the parser of the same message reads, for any values
// that the wire can carry.

func TestRoundTrip(t *testing.T) {
	t.Run("negotiate request", roundTrip(ParseNegotiateRequest, genNegotiateRequest))
	t.Run("negotiate response", roundTrip(ParseNegotiateResponse, genNegotiateResponse))
	t.Run("session setup request", roundTrip(ParseSessionSetupRequest, func(t *rapid.T) SessionSetupRequest {
		return SessionSetupRequest{
			Flags: u8(t), SecurityMode: SecurityMode(u8(t)), Capabilities: Capabilities(u32(t)), Channel: u32(t), PreviousSessionID: u64(t), Token: data(t),
		}
	}))
	t.Run("session setup response", roundTrip(ParseSessionSetupResponse, func(t *rapid.T) SessionSetupResponse {
		return SessionSetupResponse{Flags: SessionFlags(u16(t)), Token: data(t)}
	}))
	t.Run("tree connect request", roundTrip(ParseTreeConnectRequest, func(t *rapid.T) TreeConnectRequest {
		return TreeConnectRequest{Flags: u16(t), Path: rapid.String().Draw(t, "path")}
	}))
	t.Run("tree connect response", roundTrip(ParseTreeConnectResponse, func(t *rapid.T) TreeConnectResponse {
		return TreeConnectResponse{ShareType(u8(t)), ShareFlags(u32(t)), ShareCapabilities(u32(t)), Access(u32(t))}
	}))
	t.Run("create request", roundTrip(ParseCreateRequest, genCreateRequest))
	t.Run("create response", roundTrip(ParseCreateResponse, genCreateResponse))
	t.Run("close request", roundTrip(ParseCloseRequest, func(t *rapid.T) CloseRequest { return CloseRequest{u16(t), fileID(t)} }))
	t.Run("close response", roundTrip(ParseCloseResponse, func(t *rapid.T) CloseResponse {
		return CloseResponse{u16(t), Filetime(u64(t)), Filetime(u64(t)), Filetime(u64(t)), Filetime(u64(t)), u64(t), u64(t), u32(t)}
	}))
	t.Run("flush request", roundTrip(ParseFlushRequest, func(t *rapid.T) FlushRequest { return FlushRequest{fileID(t)} }))
	t.Run("read request", roundTrip(ParseReadRequest, func(t *rapid.T) ReadRequest {
		return ReadRequest{u8(t), u32(t), u64(t), fileID(t), u32(t)}
	}))
	t.Run("read response", roundTrip(ParseReadResponse, func(t *rapid.T) ReadResponse { return ReadResponse{data(t), u32(t)} }))
	t.Run("write request", roundTrip(ParseWriteRequest, func(t *rapid.T) WriteRequest {
		return WriteRequest{u64(t), fileID(t), u32(t), data(t)}
	}))
	t.Run("write response", roundTrip(ParseWriteResponse, func(t *rapid.T) WriteResponse { return WriteResponse{u32(t)} }))
	t.Run("lock request", roundTrip(ParseLockRequest, func(t *rapid.T) LockRequest {
		q := LockRequest{Sequence: u32(t), FileID: fileID(t)}
		for range rapid.IntRange(1, 5).Draw(t, "locks") {
			q.Locks = append(q.Locks, Lock{u64(t), u64(t), u32(t)})
		}
		return q
	}))
	t.Run("ioctl request", roundTrip(ParseIoctlRequest, func(t *rapid.T) IoctlRequest {
		return IoctlRequest{u32(t), fileID(t), u32(t), u32(t), u32(t), u32(t), data(t)}
	}))
	t.Run("ioctl response", roundTrip(ParseIoctlResponse, func(t *rapid.T) IoctlResponse { return IoctlResponse{u32(t), fileID(t), data(t)} }))
	t.Run("query directory request", roundTrip(ParseQueryDirectoryRequest, func(t *rapid.T) QueryDirectoryRequest {
		return QueryDirectoryRequest{u8(t), u8(t), u32(t), fileID(t), rapid.String().Draw(t, "pattern"), u32(t)}
	}))
	t.Run("query directory response", roundTrip(ParseQueryDirectoryResponse, func(t *rapid.T) QueryDirectoryResponse { return QueryDirectoryResponse{data(t)} }))
	t.Run("change notify request", roundTrip(ParseChangeNotifyRequest, func(t *rapid.T) ChangeNotifyRequest {
		return ChangeNotifyRequest{u16(t), u32(t), fileID(t), u32(t)}
	}))
	t.Run("change notify response", roundTrip(ParseChangeNotifyResponse, func(t *rapid.T) ChangeNotifyResponse { return ChangeNotifyResponse{data(t)} }))
	t.Run("query info request", roundTrip(ParseQueryInfoRequest, func(t *rapid.T) QueryInfoRequest {
		return QueryInfoRequest{InfoType(u8(t)), u8(t), u32(t), u32(t), u32(t), fileID(t), data(t)}
	}))
	t.Run("query info response", roundTrip(ParseQueryInfoResponse, func(t *rapid.T) QueryInfoResponse { return QueryInfoResponse{data(t)} }))
	t.Run("set info request", roundTrip(ParseSetInfoRequest, func(t *rapid.T) SetInfoRequest {
		return SetInfoRequest{InfoType(u8(t)), u8(t), u32(t), fileID(t), data(t)}
	}))
	t.Run("oplock break request", roundTrip(ParseOplockBreakRequest, func(t *rapid.T) OplockBreakRequest {
		return OplockBreakRequest{OplockLevel(u8(t)), fileID(t)}
	}))
	t.Run("oplock break response", roundTrip(ParseOplockBreakResponse, func(t *rapid.T) OplockBreakResponse {
		return OplockBreakResponse{OplockLevel(u8(t)), fileID(t)}
	}))
	t.Run("error response", roundTrip(ParseErrorResponse, genErrorResponse))
}

// roundTrip appends what gen draws behind some other bytes, as in a frame, and
// parses it from a slice without spare capacity.
func roundTrip[B Body](parse func([]byte) (B, error), gen func(*rapid.T) B) func(*testing.T) {
	return func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			want := gen(t)
			before := rapid.IntRange(0, 9).Draw(t, "before")
			msg := AppendMessage(make([]byte, before), Header{}, want)[before:]
			got, err := parse(msg[:len(msg):len(msg)])
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("parse = %+v, %v, want %+v", got, err, want)
			}
		})
	}
}

func u8(t *rapid.T) uint8   { return rapid.Uint8().Draw(t, "u8") }
func u16(t *rapid.T) uint16 { return rapid.Uint16().Draw(t, "u16") }
func u32(t *rapid.T) uint32 { return rapid.Uint32().Draw(t, "u32") }
func u64(t *rapid.T) uint64 { return rapid.Uint64().Draw(t, "u64") }

func fileID(t *rapid.T) FileID { return FileID{u64(t), u64(t)} }

// data is nil where it is empty, as parsers have it.
func data(t *rapid.T) []byte {
	if b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data"); len(b) > 0 {
		return b
	}
	return nil
}

func guid(t *rapid.T) [16]byte {
	return [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "guid"))
}

// list draws up to six elements, nil where there is none.
func list[T any](t *rapid.T, least int, draw func(*rapid.T) T) []T {
	var l []T
	for range rapid.IntRange(least, 6).Draw(t, "length") {
		l = append(l, draw(t))
	}
	return l
}

func genContexts(t *rapid.T) NegotiateContexts {
	c := NegotiateContexts{Preauth: &PreauthContext{
		Hashes: list(t, 0, func(t *rapid.T) HashAlgorithm { return HashAlgorithm(u16(t)) }),
		Salt:   append([]byte{}, data(t)...),
	}}
	if rapid.Bool().Draw(t, "encryption") {
		c.Encryption = &EncryptionContext{list(t, 0, func(t *rapid.T) Cipher { return Cipher(u16(t)) })}
	}
	if rapid.Bool().Draw(t, "signing") {
		c.Signing = &SigningContext{list(t, 1, func(t *rapid.T) SigningAlgorithm { return SigningAlgorithm(u16(t)) })}
	}
	c.Others = list(t, 0, func(t *rapid.T) NegotiateContext {
		return NegotiateContext{Type: rapid.SampledFrom([]uint16{0, 4, 5, 6, 0x100, 0xFFFF}).Draw(t, "type"), Data: data(t)}
	})
	return c
}

func genNegotiateRequest(t *rapid.T) NegotiateRequest {
	q := NegotiateRequest{
		SecurityMode: SecurityMode(u16(t)), Capabilities: Capabilities(u32(t)), ClientGUID: guid(t),
		Dialects: list(t, 1, func(*rapid.T) Dialect {
			return rapid.SampledFrom([]Dialect{Dialect202, Dialect210, Dialect300, Dialect302}).Draw(t, "dialect")
		}),
	}
	if rapid.Bool().Draw(t, "3.1.1") {
		q.Dialects = append(q.Dialects, Dialect311)
		q.Contexts = genContexts(t)
	}
	return q
}

func genNegotiateResponse(t *rapid.T) NegotiateResponse {
	p := NegotiateResponse{
		SecurityMode: SecurityMode(u16(t)), Dialect: Dialect302, ServerGUID: guid(t), Capabilities: Capabilities(u32(t)),
		MaxTransact: u32(t), MaxRead: u32(t), MaxWrite: u32(t), SystemTime: Filetime(u64(t)), StartTime: Filetime(u64(t)), Token: data(t),
	}
	if rapid.Bool().Draw(t, "3.1.1") {
		p.Dialect, p.Contexts = Dialect311, genContexts(t)
	}
	return p
}

func genCreateContexts(t *rapid.T) []CreateContext {
	return list(t, 0, func(t *rapid.T) CreateContext {
		name := rapid.SliceOfN(rapid.Byte(), 4, 16).Draw(t, "name")
		return CreateContext{Name: string(name), Data: data(t)}
	})
}

func genCreateRequest(t *rapid.T) CreateRequest {
	return CreateRequest{
		OplockLevel(u8(t)), Impersonation(u32(t)), Access(u32(t)), u32(t), ShareAccess(u32(t)), Disposition(u32(t)), CreateOptions(u32(t)),
		rapid.String().Draw(t, "name"), genCreateContexts(t),
	}
}

func genCreateResponse(t *rapid.T) CreateResponse {
	return CreateResponse{
		OplockLevel(u8(t)), u8(t), CreateAction(u32(t)), Filetime(u64(t)), Filetime(u64(t)), Filetime(u64(t)), Filetime(u64(t)),
		u64(t), u64(t), u32(t), fileID(t), genCreateContexts(t),
	}
}

func genErrorResponse(t *rapid.T) ErrorResponse {
	if rapid.Bool().Draw(t, "contexts") {
		return ErrorResponse{Contexts: list(t, 1, func(t *rapid.T) ErrorContext { return ErrorContext{u32(t), data(t)} })}
	}
	return ErrorResponse{Data: data(t)}
}
