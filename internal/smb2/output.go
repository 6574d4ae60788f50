package smb2

// QUERY_DIRECTORY, QUERY_INFO and CHANGE_NOTIFY answer alike:
//
//	0 StructureSize 9   2 OutputOffset   4 OutputLength   8 Buffer

func parseOutput(msg []byte, kind string) ([]byte, error) {
	r := readBody(msg, kind, 9)
	off, n := r.u16("output offset"), r.u32("output length")
	out := r.section(uint32(off), n, "output")
	return out, r.err
}

func appendOutput(b, output []byte) []byte {
	w := writer{b}
	w.u16(9)
	w.u16(HeaderSize + 8)
	w.len32(len(output), "output")
	w.bytes(output)
	return w.b
}
