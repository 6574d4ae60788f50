package smbauth

// ntlmNegotiate is the client's first message. Its domain and workstation say
// nothing that the last message does not say better, so only their bounds are
// looked at.
type ntlmNegotiate struct {
	flags ntlmFlags
}

func parseNegotiate(msg []byte) (ntlmNegotiate, error) {
	r := readNTLM(msg, typeNegotiate, negotiateHeader)
	if r.err != nil {
		return ntlmNegotiate{}, r.err
	}
	m := ntlmNegotiate{flags: ntlmFlags(r.u32(12))}
	r.part(16, "domain")
	r.part(24, "workstation")
	if m.flags&flagVersion != 0 {
		r.need(40, "version")
	}
	return m, r.err
}

func (m ntlmNegotiate) append() []byte {
	w := newNTLM(typeNegotiate, negotiateHeader)
	w.u32(12, uint32(m.flags))
	if m.flags&flagVersion != 0 {
		w.msg = append(w.msg, ntlmVersion...)
	}
	return w.msg
}

// ntlmChallenge is the server's answer to it.
type ntlmChallenge struct {
	flags      ntlmFlags
	challenge  [8]byte
	target     string
	targetInfo avPairs
}

func parseChallenge(msg []byte) (ntlmChallenge, error) {
	r := readNTLM(msg, typeChallenge, challengeHeader)
	if r.err != nil {
		return ntlmChallenge{}, r.err
	}
	m := ntlmChallenge{flags: ntlmFlags(r.u32(20)), target: r.name(12, "target name")}
	copy(m.challenge[:], msg[24:])
	if info := r.part(40, "target info"); r.err == nil {
		m.targetInfo, r.err = parseAVPairs(info)
	}
	return m, r.err
}

func (m ntlmChallenge) append() []byte {
	w := newNTLM(typeChallenge, challengeHeader)
	w.u32(20, uint32(m.flags))
	copy(w.msg[24:], m.challenge[:])
	copy(w.msg[48:], ntlmVersion)
	w.part(12, encodeUTF16(m.target))
	w.part(40, m.targetInfo)
	return w.msg
}

// ntlmAuthenticate is the client's proof. Its slices alias the message.
type ntlmAuthenticate struct {
	flags                     ntlmFlags
	lm, nt                    []byte
	domain, user, workstation string
	sessionKey                []byte   // 16 bytes where flags have key exchange
	mic                       [16]byte // zero where the message is too short for one
}

// parseAuthenticate takes messages without version and MIC too, as long as
// they hold the flags.
func parseAuthenticate(msg []byte) (ntlmAuthenticate, error) {
	r := readNTLM(msg, typeAuthenticate, 64)
	if r.err != nil {
		return ntlmAuthenticate{}, r.err
	}
	m := ntlmAuthenticate{
		flags:       ntlmFlags(r.u32(60)),
		lm:          r.part(12, "LM response"),
		nt:          r.part(20, "NT response"),
		domain:      r.name(28, "domain"),
		user:        r.name(36, "user"),
		workstation: r.name(44, "workstation"),
		sessionKey:  r.part(52, "session key"),
	}
	if m.flags&flagVersion != 0 {
		r.need(micOffset, "version")
	}
	if r.err == nil && m.flags&flagKeyExchange != 0 && len(m.sessionKey) != 16 {
		r.err = malformed("NTLM session key of %d bytes, want 16", len(m.sessionKey))
	}
	if len(msg) >= authenticateHeader {
		copy(m.mic[:], msg[micOffset:])
	}
	return m, r.err
}

// isAnonymous tells a null session (MS-NLMP 3.2.5.1.2).
func (m ntlmAuthenticate) isAnonymous() bool {
	return m.user == "" && len(m.nt) == 0 && (len(m.lm) == 0 || len(m.lm) == 1 && m.lm[0] == 0)
}

// append lays the message out with room for a MIC, which is left zero. Order
// of the parts as Windows has it.
func (m ntlmAuthenticate) append() []byte {
	w := newNTLM(typeAuthenticate, authenticateHeader)
	w.u32(60, uint32(m.flags))
	copy(w.msg[64:], ntlmVersion)
	w.part(28, encodeUTF16(m.domain))
	w.part(36, encodeUTF16(m.user))
	w.part(44, encodeUTF16(m.workstation))
	w.part(12, m.lm)
	w.part(20, m.nt)
	w.part(52, m.sessionKey)
	return w.msg
}
