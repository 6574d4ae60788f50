package smb2

import (
	"bytes"
	"reflect"
	"testing"
)

// TestWindowsSession reads every message of a session between a Windows client
// and a Windows server field by field and writes it again.
func TestWindowsSession(t *testing.T) {
	s := sessions(t, "sign-aes-128-cmac-windows")[0]
	const sessionID = 0x100000000019
	tests := []struct {
		header Header
		parse  parser
		check  func(t *testing.T, b Body)
	}{
		{Header{CreditCharge: 1, Command: CommandNegotiate, Credits: 128, MessageID: 1}, parse(ParseNegotiateRequest), checkWindowsOffer},
		{Header{CreditCharge: 1, Command: CommandNegotiate, Credits: 1, MessageID: 1, Flags: FlagServerToRedir}, parse(ParseNegotiateResponse), checkWindowsChoice},
		{Header{CreditCharge: 1, Command: CommandSessionSetup, Credits: 128, MessageID: 2}, parse(ParseSessionSetupRequest), checkSetup(74)},
		{Header{CreditCharge: 1, Command: CommandSessionSetup, Credits: 1, MessageID: 2, Flags: FlagServerToRedir, Status: StatusMoreProcessingRequired, SessionID: sessionID}, parse(ParseSessionSetupResponse), nil},
		{Header{CreditCharge: 1, Command: CommandSessionSetup, Credits: 128, MessageID: 3, SessionID: sessionID}, parse(ParseSessionSetupRequest), checkSetup(463)},
		{Header{CreditCharge: 1, Command: CommandSessionSetup, Credits: 128, MessageID: 3, Flags: FlagServerToRedir | FlagSigned, SessionID: sessionID}, parse(ParseSessionSetupResponse), checkSetUp},
	}
	for i, tt := range tests {
		msg := s.frames[i].bytes
		h, err := ParseHeader(msg)
		want := tt.header
		want.ProcessID, want.Signature = 0xFEFF, h.Signature
		if err != nil || h != want {
			t.Errorf("message %d: ParseHeader = %+v, %v, want %+v", i+1, h, err, want)
		}
		body, err := tt.parse(msg)
		if err != nil {
			t.Errorf("message %d: %v", i+1, err)
			continue
		}
		if tt.check != nil {
			tt.check(t, body)
		}
		if again := AppendMessage(nil, h, body); !bytes.Equal(again, msg) {
			t.Errorf("message %d written again:\n %x, want\n %x", i+1, again, msg)
		}
	}
}

func checkWindowsOffer(t *testing.T, b Body) {
	t.Helper()
	q := b.(NegotiateRequest)
	salt := q.Contexts.Preauth.Salt
	want := NegotiateRequest{
		Capabilities: 0x3F,
		ClientGUID:   [16]byte(unhex(t, "ECD86F326276024F9F7752B89BB33F3A")),
		Dialects:     []Dialect{Dialect202, Dialect210, Dialect300, Dialect302, Dialect311},
		Contexts: NegotiateContexts{
			Preauth:    &PreauthContext{Hashes: []HashAlgorithm{HashSHA512}, Salt: salt},
			Encryption: &EncryptionContext{Ciphers: []Cipher{CipherAES128GCM, CipherAES128CCM}},
		},
	}
	if !reflect.DeepEqual(q, want) || len(salt) != 32 {
		t.Errorf("negotiate request = %+v, want %+v", q, want)
	}
}

func checkWindowsChoice(t *testing.T, b Body) {
	t.Helper()
	p := b.(NegotiateResponse)
	want := NegotiateResponse{
		SecurityMode: SigningEnabled,
		Dialect:      Dialect311,
		ServerGUID:   [16]byte(unhex(t, "39CBCAF329714942BDCE5D60F09AB3FB")),
		Capabilities: 0x2F,
		MaxTransact:  8 << 20,
		MaxRead:      8 << 20,
		MaxWrite:     8 << 20,
		SystemTime:   0x01D0AECBADE5DAD8,
		StartTime:    0x01D0AE95B04A0909,
		Token:        p.Token,
		Contexts: NegotiateContexts{
			Preauth:    &PreauthContext{Hashes: []HashAlgorithm{HashSHA512}, Salt: p.Contexts.Preauth.Salt},
			Encryption: &EncryptionContext{Ciphers: []Cipher{CipherAES128GCM}},
		},
	}
	if !reflect.DeepEqual(p, want) || len(p.Token) != 320 {
		t.Errorf("negotiate response = %+v, want %+v", p, want)
	}
}

func checkSetup(token int) func(*testing.T, Body) {
	return func(t *testing.T, b Body) {
		t.Helper()
		q := b.(SessionSetupRequest)
		want := SessionSetupRequest{SecurityMode: SigningEnabled, Capabilities: CapDFS, Token: q.Token}
		if !reflect.DeepEqual(q, want) || len(q.Token) != token {
			t.Errorf("session setup request = %+v, want %+v with a token of %d bytes", q, want, token)
		}
	}
}

func checkSetUp(t *testing.T, b Body) {
	t.Helper()
	p := b.(SessionSetupResponse)
	if p.Flags != 0 || !bytes.Equal(p.Token, unhex(t, "A11B3019A0030A0100A3120410010000003B453CDC3524164200000000")) {
		t.Errorf("session setup response = %+v", p)
	}
}

// The encrypted messages of the Microsoft open specification blog.
var windowsEncryption = []struct {
	name         string
	dialect      Dialect
	cipher       Cipher
	sessionKey   string
	hash         string
	c2s, s2c     string
	request      string
	requestPlain string
	response     string
}{
	{
		name: "3.0 AES-128-CCM", dialect: Dialect300, cipher: CipherAES128CCM,
		sessionKey: "B4546771B515F766A86735532DD6C4F0",
		c2s:        "261B72350558F2E9DCF613070383EDBF",
		s2c:        "8FE2B57EC34D2DB5B1A9727F526BBDB5",
		request: `fd534d4281a286535415445dae393921e44fa42e66e69a111892584fb5ed524a744da3ee87000000000001001100001400e4080025c8fee16605a437
			832d1cd52da9f4645333482a175fe5384563f45fcdafaef38bc62ba4d5c62897996625a44c29be5658de2e6117585779e7b59ffd971278d08580d7fa
			899e410e910eabf5aa1db43050b33b49182637759ac15d84bfcdf5b6b238993c0f4cf4d6012023f6c627297075d84b7803912d0a9639634453595ef3
			e33ffe4e7ac2ab`,
		requestPlain: `fe534d4240000100000000000900400008000000000000000400000000000000fffe0000010000001100001400e40800000000000000000000000000
			00000000310070001700000000000000000000001501000039000002010000003902000000000000000000007000000000000000536d623320656e63
			72797074696f6e2074657374696e67`,
		response: `fd534d42a6015530a18f6d9affe22afae8e6648486000000000000001100001400e4080050000000000001001100001400e40800dbf46435c5f14169
			293ce079e344479bf670227e49873f458672c3098dac467dd5809f369d674091665157871483e01f7becd02064eac3e235f913668bbc2f097980d4b3
			78f1993eff6e60d177309e5b`,
	},
	{
		name: "3.1.1 AES-128-GCM", dialect: Dialect311, cipher: CipherAES128GCM,
		sessionKey: "419FDDF34C1E001909D362AE7FB6AF79",
		hash: "B23F3CBFD69487D9832B79B1594A367CDD950909B774C3A4C412B4FCEA9EDDDB" +
			"A7DB256BA2EA30E977F11F9B113247578E0E915C6D2A513B8F2FCA5707DC8770",
		c2s: "A2F5E80E5D59103034F32E52F698E5EC",
		s2c: "748C50868C90F302962A5C35F5F9A8BF",
		request: `fd534d42bd73d97d2bc9001bcafac0fdff5feebcc7d6822d269caf48904c664c00000000870000000000010025000000001000006ecdd2a7afc7b477
			63057a041b8fd4daffe990b70c9e09d36c084e02d14ef247f8bde38acf6256f8b1d3b56f77fbdeb312fea5e92cbcc1ed8fb2ebbfaa75e49a4a394bb4
			4576545567c24d4c014d47c9fbdfdafd2c4f9b72f8d256452620a299f48e29e53d6b61d1c13a19e91af013f00d17e3abc2fc3d36c8c1b6b939732538
			52dbd442e46ee8`,
		response: `fd534d42acbe1cb7ed343adf1725ef144d90d4b0e06831dd2e8eb7b400000000000000005000000000000100250000000010000026bbbf949983a6c1
			c796559d0f2c510cb651d1f7b6ac8ded32a2a0b8f2d793a815c6f6b848d69767a215841a42d400ae6ddb5f0b44173a014973321fdd7950da6179159b
			82e03c9e18a050ff0ea1c967`,
	},
}

func TestWindowsEncryption(t *testing.T) {
	const text = "Smb3 encryption testing"
	for _, tt := range windowsEncryption {
		t.Run(tt.name, func(t *testing.T) {
			var h PreauthHash
			copy(h[:], unhex(t, tt.hash))
			keys := DeriveKeys(tt.dialect, tt.cipher, unhex(t, tt.sessionKey), &h)
			if want := unhex(t, tt.c2s); !bytes.Equal(keys.ClientToServer, want) {
				t.Fatalf("client to server key = %x, want %x", keys.ClientToServer, want)
			}
			if want := unhex(t, tt.s2c); !bytes.Equal(keys.ServerToClient, want) {
				t.Fatalf("server to client key = %x, want %x", keys.ServerToClient, want)
			}
			plain := checkEncrypted(t, tt.cipher, keys.ClientToServer, unhex(t, tt.request))
			if want := unhex(t, tt.requestPlain); len(want) > 0 && !bytes.Equal(plain, want) {
				t.Errorf("plaintext = %x, want %x", plain, want)
			}
			if q, err := ParseWriteRequest(plain); err != nil || string(q.Data) != text {
				t.Errorf("ParseWriteRequest = %+v, %v, want data %q", q, err, text)
			}
			plain = checkEncrypted(t, tt.cipher, keys.ServerToClient, unhex(t, tt.response))
			if p, err := ParseWriteResponse(plain); err != nil || p.Count != uint32(len(text)) {
				t.Errorf("ParseWriteResponse = %+v, %v, want count %d", p, err, len(text))
			}
		})
	}
}
