package smb2

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// unhex decodes hexadecimal digits with any white space between them.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatalf("decode hex: %v", err)
	}
	return b
}

// sample reads testdata/wire/NAME.hex; lines that begin with # say where the
// bytes come from.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "wire", name+".hex"))
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			digits.WriteString(line)
		}
	}
	return unhex(t, digits.String())
}

// sampleNames lists the samples whose name begins with prefix.
func sampleNames(t testing.TB, prefix string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "wire", prefix+"*.hex"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no samples %s*: %v", prefix, err)
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = strings.TrimSuffix(filepath.Base(p), ".hex")
	}
	return names
}

// frame is one frame of a captured session.
type frame struct {
	fromServer bool
	bytes      []byte
}

// session is a captured session whose keys are known.
type session struct {
	name           string
	sessionKey     []byte
	signingKey     []byte
	applicationKey []byte
	clientToServer []byte
	serverToClient []byte
	signing        SigningAlgorithm
	cipher         Cipher
	frames         []frame

	dialect       Dialect
	preauth       PreauthHash // as the keys need it
	setupResponse []byte      // the successful one
	rest          []frame     // what follows it
}

// sessions reads testdata/sessions/PREFIX*.txt.
func sessions(t testing.TB, prefix string) []session {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "sessions", prefix+"*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no sessions %s*: %v", prefix, err)
	}
	var list []session
	for _, p := range paths {
		list = append(list, readSession(t, p))
	}
	return list
}

func readSession(t testing.TB, path string) session {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := session{name: strings.TrimSuffix(filepath.Base(path), ".txt")}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), " ")
		s.set(t, key, value)
	}
	s.walkSetup(t)
	return s
}

func (s *session) set(t testing.TB, key, value string) {
	t.Helper()
	number := func() uint64 {
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	switch key {
	case "session-key":
		s.sessionKey = unhex(t, value)
	case "signing-key":
		s.signingKey = unhex(t, value)
	case "application-key":
		s.applicationKey = unhex(t, value)
	case "client-to-server":
		s.clientToServer = unhex(t, value)
	case "server-to-client":
		s.serverToClient = unhex(t, value)
	case "signing":
		s.signing = SigningAlgorithm(number())
	case "cipher":
		s.cipher = Cipher(number())
	case ">", "<":
		s.frames = append(s.frames, frame{fromServer: key == "<", bytes: unhex(t, value)})
	}
}

// walkSetup follows the session to its keys as a peer would: NEGOTIATE, then
// every leg of SESSION_SETUP but the last response go into the hash.
func (s *session) walkSetup(t testing.TB) {
	t.Helper()
	for i, f := range s.frames {
		h, err := ParseHeader(f.bytes)
		if err != nil {
			t.Fatalf("%s: frame %d: %v", s.name, i, err)
		}
		if f.fromServer && h.Command == CommandNegotiate {
			p, err := ParseNegotiateResponse(f.bytes)
			if err != nil {
				t.Fatalf("%s: frame %d: %v", s.name, i, err)
			}
			s.dialect = p.Dialect
		}
		if f.fromServer && h.Command == CommandSessionSetup && h.Status == StatusSuccess {
			s.setupResponse, s.rest = f.bytes, s.frames[i+1:]
			return
		}
		s.preauth.Update(f.bytes)
	}
	t.Fatalf("%s: no session was set up", s.name)
}
