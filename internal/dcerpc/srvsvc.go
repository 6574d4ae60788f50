package dcerpc

// The operations of srvsvc by number, [MS-SRVS] 3.1.4.
const (
	opShareEnum       = 15
	opShareGetInfo    = 16
	opServerGetInfo   = 21
	opShareEnumSticky = 36
)

// srvsvc is the Server Service, [MS-SRVS]:
// 4b324fc8-1670-01d3-1278-5a47bf6ee188 v3.0.
func srvsvc() service {
	return service{
		name: "srvsvc",
		abstract: syntax{
			[16]byte{0xc8, 0x4f, 0x32, 0x4b, 0x70, 0x16, 0xd3, 0x01, 0x12, 0x78, 0x5a, 0x47, 0xbf, 0x6e, 0xe1, 0x88},
			3,
		},
		operations: map[uint16]operation{
			opShareEnum:       shareEnum,
			opShareGetInfo:    shareGetInfo,
			opServerGetInfo:   serverGetInfo,
			opShareEnumSticky: shareEnum, // every share is configured, so every one is sticky
		},
	}
}

// The server type bits of [MS-SRVS] 2.2.2.7 that are true of a namespace
// server: workstation, server, NT, server NT, DFS.
const serverType = 0x00000001 | 0x00000002 | 0x00001000 | 0x00008000 | 0x00800000

// serverGetInfo is NetrServerGetInfo, [MS-SRVS] 3.1.4.17, at the levels 100,
// 101 and 102.
func serverGetInfo(h Host, in *reader, out *writer) error {
	in.optionalText("server name")
	level := in.u32("level")
	if in.err != nil {
		return in.err
	}
	out.u32(level)
	if level < 100 || level > 102 {
		out.null()
		out.u32(statusInvalidLevel)
		return nil
	}
	out.pointer()
	out.u32(platformNT)
	out.pointer() // name
	if level >= 101 {
		out.u32(versionMajor)
		out.u32(versionMinor)
		out.u32(serverType)
		out.pointer() // comment
	}
	if level == 102 {
		out.serverLimits()
	}
	out.text(h.Name)
	if level >= 101 {
		out.text(h.Comment)
	}
	if level == 102 {
		out.text(`c:\`)
	}
	out.u32(statusSuccess)
	return nil
}

// serverLimits writes what SERVER_INFO_102 adds: users, disconnect minutes,
// hidden, announce seconds, announce delta, licences, and the path of users'
// folders.
func (w *writer) serverLimits() {
	const unlimited, never, announce, delta = 0xffffffff, 0xffffffff, 240, 3000
	for _, v := range []uint32{unlimited, never, 1, announce, delta, 0} {
		w.u32(v)
	}
	w.pointer()
}
