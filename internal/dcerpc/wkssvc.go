package dcerpc

// wkssvc is the Workstation Service, [MS-WKST]:
// 6bffd098-a112-3610-9833-46c3f87e345a v1.0.
func wkssvc() service {
	return service{
		name: "wkssvc",
		abstract: syntax{
			[16]byte{0x98, 0xd0, 0xff, 0x6b, 0x12, 0xa1, 0x10, 0x36, 0x98, 0x33, 0x46, 0xc3, 0xf8, 0x7e, 0x34, 0x5a},
			1,
		},
		operations: map[uint16]operation{0: wkstaGetInfo},
	}
}

// wkstaGetInfo is NetrWkstaGetInfo, [MS-WKST] 3.2.4.1, at the levels 100, 101
// and 102, each the one before and a field more.
func wkstaGetInfo(h Host, in *reader, out *writer) error {
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
	out.pointer() // computer name
	out.pointer() // domain
	out.u32(versionMajor)
	out.u32(versionMinor)
	if level >= 101 {
		out.pointer() // LAN root
	}
	if level == 102 {
		out.u32(0) // users logged on at the machine: none that SMB knows of
	}
	out.text(h.Name)
	out.text(h.Domain)
	if level >= 101 {
		out.text("")
	}
	out.u32(statusSuccess)
	return nil
}
