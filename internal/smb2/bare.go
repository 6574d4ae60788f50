package smb2

// Bodies that say nothing: StructureSize 4 and two reserved bytes.

func parseBare(msg []byte, kind string) error {
	r := readBody(msg, kind, 4)
	return r.err
}

func appendBare(b []byte) []byte { return append(b, 4, 0, 0, 0) }
