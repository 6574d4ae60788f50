package smb2

import (
	"crypto/hmac"
	"crypto/sha256"
)

// Keys are those of one session (3.1.4.2). Cipher keys are nil in dialects that
// do not encrypt.
type Keys struct {
	Signing        []byte
	ClientToServer []byte
	ServerToClient []byte
	Application    []byte
}

// sessionKeySize is the length of every key but those of the AES-256 ciphers.
const sessionKeySize = 16

// keyLabels are the label and the context of each key; both include their
// terminating NUL.
type keyLabels struct{ signing, clientToServer, serverToClient, application [2]string }

var (
	labels300 = keyLabels{
		signing:        [2]string{"SMB2AESCMAC\x00", "SmbSign\x00"},
		clientToServer: [2]string{"SMB2AESCCM\x00", "ServerIn \x00"},
		serverToClient: [2]string{"SMB2AESCCM\x00", "ServerOut\x00"},
		application:    [2]string{"SMB2APP\x00", "SmbRpc\x00"},
	}
	labels311 = keyLabels{
		signing:        [2]string{"SMBSigningKey\x00"},
		clientToServer: [2]string{"SMBC2SCipherKey\x00"},
		serverToClient: [2]string{"SMBS2CCipherKey\x00"},
		application:    [2]string{"SMBAppKey\x00"},
	}
)

// DeriveKeys derives the keys of a session from fullSessionKey, the key of the
// GSS context as long as it is. c is the connection's cipher and decides the
// length of the cipher keys; before 3.1.1 it is not looked at. h is the session's
// pre-authentication hash, needed for 3.1.1 only.
func DeriveKeys(d Dialect, c Cipher, fullSessionKey []byte, h *PreauthHash) Keys {
	session := make([]byte, sessionKeySize)
	copy(session, fullSessionKey)
	if !d.Is3x() {
		return Keys{Signing: session, Application: session}
	}
	l, cipherKey, size := labels300, session, sessionKeySize
	if d == Dialect311 {
		l = labels311
		for _, pair := range []*[2]string{&l.signing, &l.clientToServer, &l.serverToClient, &l.application} {
			pair[1] = string(h[:])
		}
		if c.KeySize() > sessionKeySize {
			cipherKey, size = fullSessionKey, c.KeySize()
		}
	}
	return Keys{
		Signing:        derive(session, l.signing, sessionKeySize),
		ClientToServer: derive(cipherKey, l.clientToServer, size),
		ServerToClient: derive(cipherKey, l.serverToClient, size),
		Application:    derive(session, l.application, sessionKeySize),
	}
}

// derive is the KDF in counter mode of NIST SP 800-108 with HMAC-SHA256 and a
// 32-bit counter, for keys of at most one block: size is 32 bytes at most.
func derive(key []byte, label [2]string, size int) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte{0, 0, 0, 1})
	m.Write([]byte(label[0]))
	m.Write([]byte{0})
	m.Write([]byte(label[1]))
	m.Write([]byte{0, 0, byte(size * 8 >> 8), byte(size * 8)})
	return m.Sum(nil)[:size:size]
}
