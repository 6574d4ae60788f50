package smbd

import (
	"bytes"
	"testing"

	"dfsd/internal/smb2"
)

func TestNegotiateChoosesTheHighestDialect(t *testing.T) {
	h := listen(t, testOptions(t))
	tests := []struct {
		offer []smb2.Dialect
		want  smb2.Dialect
		caps  smb2.Capabilities
		most  uint32
	}{
		{[]smb2.Dialect{smb2.Dialect202}, smb2.Dialect202, smb2.CapDFS, 64 << 10},
		{[]smb2.Dialect{smb2.Dialect210, smb2.Dialect202}, smb2.Dialect210, smb2.CapDFS | smb2.CapLargeMTU, 1 << 20},
		{[]smb2.Dialect{smb2.Dialect202, smb2.Dialect300, smb2.Dialect210}, smb2.Dialect300, smb2.CapDFS | smb2.CapLargeMTU | smb2.CapEncryption, 1 << 20},
		{[]smb2.Dialect{smb2.Dialect302, smb2.Dialect300}, smb2.Dialect302, smb2.CapDFS | smb2.CapLargeMTU | smb2.CapEncryption, 1 << 20},
		{[]smb2.Dialect{smb2.Dialect202, smb2.Dialect311, 0x0312}, smb2.Dialect311, smb2.CapDFS | smb2.CapLargeMTU, 1 << 20},
	}
	for _, tt := range tests {
		c := newClient(t, h.dial())
		p := c.negotiate(offer(tt.offer...))
		if p.Dialect != tt.want || p.Capabilities != tt.caps || p.MaxTransact != tt.most || p.MaxRead != tt.most || p.MaxWrite != tt.most {
			t.Errorf("negotiate(%v) = %v, capabilities %#x, %d bytes; want %v, %#x, %d", tt.offer, p.Dialect, p.Capabilities, p.MaxTransact, tt.want, tt.caps, tt.most)
		}
		if p.SecurityMode != smb2.SigningEnabled|smb2.SigningRequired || p.ServerGUID != h.guid || len(p.Token) == 0 || p.StartTime != 0 {
			t.Errorf("negotiate(%v) = %+v", tt.offer, p)
		}
	}
}

func TestNegotiateContexts(t *testing.T) {
	tests := []struct {
		name       string
		encryption Encryption
		change     func(q *smb2.NegotiateContexts)
		cipher     smb2.Cipher
		noCipher   bool // no encryption context in the answer
		alg        smb2.SigningAlgorithm
		noAlg      bool // no signing context in the answer
	}{
		{name: "GCM before CCM", cipher: smb2.CipherAES128GCM, alg: smb2.SigningAESGMAC, change: func(q *smb2.NegotiateContexts) {
			q.Encryption.Ciphers = []smb2.Cipher{smb2.CipherAES256CCM, smb2.CipherAES128CCM, smb2.CipherAES256GCM, smb2.CipherAES128GCM}
			q.Signing.Algorithms = []smb2.SigningAlgorithm{smb2.SigningHMACSHA256, smb2.SigningAESCMAC, smb2.SigningAESGMAC}
		}},
		{name: "256 GCM before 128 CCM", cipher: smb2.CipherAES256GCM, alg: smb2.SigningAESCMAC, change: func(q *smb2.NegotiateContexts) {
			q.Encryption.Ciphers = []smb2.Cipher{smb2.CipherAES128CCM, smb2.CipherAES256GCM}
			q.Signing.Algorithms = []smb2.SigningAlgorithm{smb2.SigningHMACSHA256, smb2.SigningAESCMAC}
		}},
		{name: "256 CCM", cipher: smb2.CipherAES256CCM, alg: smb2.SigningHMACSHA256, change: func(q *smb2.NegotiateContexts) {
			q.Encryption.Ciphers = []smb2.Cipher{smb2.CipherAES256CCM}
			q.Signing.Algorithms = []smb2.SigningAlgorithm{smb2.SigningHMACSHA256}
		}},
		{name: "nothing in common", cipher: smb2.CipherNone, alg: smb2.SigningAESCMAC, change: func(q *smb2.NegotiateContexts) {
			q.Encryption.Ciphers = []smb2.Cipher{99}
			q.Signing.Algorithms = []smb2.SigningAlgorithm{99}
		}},
		{name: "nothing offered", noCipher: true, noAlg: true, alg: smb2.SigningAESCMAC, change: func(q *smb2.NegotiateContexts) {
			q.Encryption, q.Signing = nil, nil
		}},
		{name: "encryption off", encryption: EncryptionOff, cipher: smb2.CipherNone, alg: smb2.SigningAESGMAC, change: func(*smb2.NegotiateContexts) {}},
		{name: "others are ignored", cipher: smb2.CipherAES128GCM, alg: smb2.SigningAESGMAC, change: func(q *smb2.NegotiateContexts) {
			q.Others = []smb2.NegotiateContext{
				{Type: 3, Data: []byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 0}}, {Type: 5, Data: []byte("f\x00s\x00")}, {Type: 6, Data: make([]byte, 4)}, {Type: 0x100, Data: make([]byte, 16)},
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions(t)
			o.Config.Encryption = tt.encryption
			h := listen(t, o)
			c := newClient(t, h.dial())
			q := offer()
			tt.change(&q.Contexts)
			p := c.negotiate(q).Contexts
			if len(p.Preauth.Hashes) != 1 || len(p.Preauth.Salt) != 32 || bytes.Equal(p.Preauth.Salt, make([]byte, 32)) {
				t.Errorf("preauth context = %+v", p.Preauth)
			}
			if (p.Encryption == nil) != tt.noCipher || !tt.noCipher && c.cipher != tt.cipher {
				t.Errorf("cipher = %v (%v), want %v", c.cipher, p.Encryption, tt.cipher)
			}
			if (p.Signing == nil) != tt.noAlg || c.alg != tt.alg {
				t.Errorf("signing = %v (%v), want %v", c.alg, p.Signing, tt.alg)
			}
			if len(p.Others) != 0 {
				t.Errorf("unknown contexts answered: %v", p.Others)
			}
			c.mustLogon(testUser, testPassword)
			c.seal = c.cipher != smb2.CipherNone
			c.connectTree("IPC$")
			c.referral(`\fs1\public`)
		})
	}
}

func TestStepUpFromSMB1(t *testing.T) {
	tests := []struct {
		name    string
		offer   []string
		dialect smb2.Dialect
		end     bool
	}{
		{name: "wildcard", offer: []string{"NT LM 0.12", "SMB 2.002", "SMB 2.???"}, dialect: smb2.DialectWildcard},
		{name: "2.0.2 alone", offer: []string{"NT LM 0.12", "SMB 2.002"}, dialect: smb2.Dialect202},
		{name: "SMB1 alone", offer: []string{"NT LM 0.12"}, end: true},
		{name: "nothing", end: true},
	}
	h := listen(t, testOptions(t))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, h.dial())
			c.sendFrame(smb2.AppendSMB1Negotiate(smb2.AppendFrameHeader(nil), tt.offer...))
			if tt.end {
				c.wantEnd()
				return
			}
			r := c.receive()[0]
			p, err := smb2.ParseNegotiateResponse(r.msg)
			c.must(err)
			if p.Dialect != tt.dialect || r.MessageID != 0 || r.Credits != 1 {
				t.Fatalf("answer to SMB1 = %v, message id %d, %d credits; want %v, 0, 1", p.Dialect, r.MessageID, r.Credits, tt.dialect)
			}
			c.nextID = 1
			if tt.dialect == smb2.DialectWildcard {
				c.negotiate(offer())
			} else {
				c.negotiated = p
			}
			c.mustLogon(testUser, testPassword)
			c.connectTree("IPC$")
			c.referral(`\fs1\public`)
		})
	}
	for name, frame := range map[string][]byte{
		"twice":         smb2.AppendSMB1Negotiate(smb2.AppendFrameHeader(nil), "SMB 2.???"),
		"other command": []byte("\x00\x00\x00\x00\xffSMB\x73" + string(make([]byte, 40))),
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, h.dial())
			c.sendFrame(smb2.AppendSMB1Negotiate(smb2.AppendFrameHeader(nil), "SMB 2.???"))
			c.receive()
			c.sendFrame(frame)
			c.wantEnd()
		})
	}
}

func TestStepUpWhereEncryptionIsRequired(t *testing.T) {
	o := testOptions(t)
	o.Config.Encryption = EncryptionRequired
	h := listen(t, o)
	c := newClient(t, h.dial())
	c.sendFrame(smb2.AppendSMB1Negotiate(smb2.AppendFrameHeader(nil), "SMB 2.002"))
	c.wantEnd()
	if got := h.rejected(rejectDialect); got != 1 {
		t.Errorf("rejected{dialect} = %v, want 1", got)
	}
}

func TestValidateNegotiate(t *testing.T) {
	good := func(c *client) smb2.ValidateNegotiateRequest {
		return smb2.ValidateNegotiateRequest{
			Capabilities: c.offer.Capabilities, GUID: c.offer.ClientGUID, SecurityMode: c.offer.SecurityMode, Dialects: c.offer.Dialects,
		}
	}
	tests := []struct {
		name   string
		offer  []smb2.Dialect
		change func(q *smb2.ValidateNegotiateRequest)
		room   uint32
		plain  bool // the question is unsigned
		end    bool
	}{
		{name: "3.0.2", offer: []smb2.Dialect{smb2.Dialect210, smb2.Dialect302}, room: 24},
		{name: "2.1 of a client that can more", offer: []smb2.Dialect{smb2.Dialect202, smb2.Dialect210}, room: 100},
		{name: "unsigned", offer: []smb2.Dialect{smb2.Dialect302}, room: 24, plain: true},
		{name: "3.1.1", offer: []smb2.Dialect{smb2.Dialect311}, room: 24, end: true},
		{name: "no room", offer: []smb2.Dialect{smb2.Dialect302}, room: 23, end: true},
		{name: "capabilities", offer: []smb2.Dialect{smb2.Dialect302}, room: 24, end: true, change: func(q *smb2.ValidateNegotiateRequest) { q.Capabilities ^= smb2.CapEncryption }},
		{name: "guid", offer: []smb2.Dialect{smb2.Dialect302}, room: 24, end: true, change: func(q *smb2.ValidateNegotiateRequest) { q.GUID[3]++ }},
		{name: "mode", offer: []smb2.Dialect{smb2.Dialect302}, room: 24, end: true, change: func(q *smb2.ValidateNegotiateRequest) { q.SecurityMode = smb2.SigningRequired }},
		{name: "a dialect taken out", offer: []smb2.Dialect{smb2.Dialect210, smb2.Dialect302}, room: 24, end: true, change: func(q *smb2.ValidateNegotiateRequest) {
			q.Dialects = append(q.Dialects[:2:2], smb2.Dialect311)
		}},
	}
	o := testOptions(t)
	o.Config.Signing = SigningEnabled
	h := listen(t, o)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := h.logon(t, "IPC$", tt.offer...)
			q := good(c)
			if tt.change != nil {
				tt.change(&q)
			}
			op := ioctlOp(smb2.IoctlRequest{
				CtlCode: smb2.FSCTLValidateNegotiateInfo, FileID: smb2.AnyFileID, Flags: smb2.IoctlIsFSCTL, MaxOutputResponse: tt.room, Input: q.Append(nil),
			})
			op.plain = tt.plain
			c.send(op)
			if tt.end {
				c.wantEnd()
				return
			}
			r := c.receive()[0]
			c.want(r, smb2.StatusSuccess)
			if !r.Flags.Has(smb2.FlagSigned) {
				t.Error("the answer is not signed")
			}
			p, err := smb2.ParseIoctlResponse(r.msg)
			c.must(err)
			v, err := smb2.ParseValidateNegotiateResponse(p.Output)
			c.must(err)
			want := smb2.ValidateNegotiateResponse{
				Capabilities: c.negotiated.Capabilities, GUID: c.negotiated.ServerGUID, SecurityMode: c.negotiated.SecurityMode, Dialect: c.negotiated.Dialect,
			}
			if v != want {
				t.Errorf("answer = %+v, want %+v", v, want)
			}
		})
	}
}
