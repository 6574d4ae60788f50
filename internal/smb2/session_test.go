package smb2

import (
	"bytes"
	"slices"
	"testing"
)

// The captured sessions are the proof that hash, key derivation, signatures and
// ciphers fit together as two other implementations do it.

func TestSessionKeys(t *testing.T) {
	for _, s := range sessions(t, "") {
		t.Run(s.name, func(t *testing.T) {
			got := DeriveKeys(s.dialect, s.cipher, s.sessionKey, &s.preauth)
			want := Keys{
				Signing:        s.signingKey,
				ClientToServer: s.clientToServer,
				ServerToClient: s.serverToClient,
				Application:    s.applicationKey,
			}
			for _, k := range []struct {
				name      string
				got, want []byte
			}{
				{"signing", got.Signing, want.Signing},
				{"client to server", got.ClientToServer, want.ClientToServer},
				{"server to client", got.ServerToClient, want.ServerToClient},
				{"application", got.Application, want.Application},
			} {
				if !bytes.Equal(k.got, k.want) {
					t.Errorf("%s key = %x, want %x", k.name, k.got, k.want)
				}
			}
		})
	}
}

func TestSessionSignatures(t *testing.T) {
	for _, s := range sessions(t, "sign-") {
		t.Run(s.name, func(t *testing.T) {
			signer, err := NewSigner(s.signing, s.signingKey)
			if err != nil {
				t.Fatal(err)
			}
			signed := 0
			for _, msg := range append([][]byte{s.setupResponse}, bodies(s.rest)...) {
				h, err := ParseHeader(msg)
				if err != nil {
					t.Fatal(err)
				}
				if !h.Flags.Has(FlagSigned) {
					continue
				}
				signed++
				if !signer.Verify(msg) {
					t.Errorf("Verify(%s, message id %d) = false, want true", h.Command, h.MessageID)
				}
				again := slices.Clone(msg)
				clear(again[48:64])
				signer.Sign(again)
				if !bytes.Equal(again, msg) {
					t.Errorf("Sign(%s) = %x, want %x", h.Command, again[48:64], msg[48:64])
				}
			}
			if signed == 0 {
				t.Error("nothing in the session is signed")
			}
		})
	}
}

func TestSessionEncryption(t *testing.T) {
	for _, s := range sessions(t, "enc-") {
		t.Run(s.name, func(t *testing.T) {
			opened := 0
			for _, f := range s.rest {
				if FrameKindOf(f.bytes) != FrameEncrypted {
					continue
				}
				opened++
				key := s.clientToServer
				if f.fromServer {
					key = s.serverToClient
				}
				checkEncrypted(t, s.cipher, key, f.bytes)
			}
			if opened == 0 {
				t.Error("nothing in the session is encrypted")
			}
		})
	}
}

// checkEncrypted opens packet, demands SMB2 inside, and seals it again under
// the same nonce.
func checkEncrypted(t *testing.T, c Cipher, key, packet []byte) []byte {
	t.Helper()
	opener, err := NewOpener(c, key)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := opener.Open(nil, packet)
	if err != nil {
		t.Fatalf("Open(%x) = %v", packet, err)
	}
	h, err := ParseTransformHeader(packet)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := ParseHeader(plain)
	if err != nil || inner.SessionID != h.SessionID {
		t.Errorf("plaintext of session %x has header %+v, %v", h.SessionID, inner, err)
	}
	sealer, err := NewSealer(c, key)
	if err != nil {
		t.Fatal(err)
	}
	sealer.nonce = h.Nonce
	if again := sealer.sealNonce(nil, plain, h.SessionID); !bytes.Equal(again, packet) {
		t.Errorf("sealed again = %x, want %x", again, packet)
	}
	return plain
}

func bodies(frames []frame) [][]byte {
	var list [][]byte
	for _, f := range frames {
		list = append(list, f.bytes)
	}
	return list
}

// TestPreauthChain pins every link of the hash in the Windows session.
func TestPreauthChain(t *testing.T) {
	s := sessions(t, "sign-aes-128-cmac-windows")[0]
	want := []string{
		"DD94EFC5321BB618", "324BFA92A4F3A190", "AC0B0F2B99862577", "2729E3440DFDDD83",
		"0DD13628CC3ED218EF9DF9772D436D0887AB9814BFAE63A80AA845F36909DB79" +
			"28622DDDAD522D9751640A459762C5A9D6BB084CBB3CE6BDADEF5D5BCE3C6C01",
	}
	var h PreauthHash
	for i, w := range want {
		h.Update(s.frames[i].bytes)
		prefix := unhex(t, w)
		if !bytes.HasPrefix(h[:], prefix) {
			t.Errorf("hash after message %d = %x, want %x", i+1, h, prefix)
		}
	}
	if h != s.preauth {
		t.Errorf("session hash = %x, want %x", s.preauth, h)
	}
}
