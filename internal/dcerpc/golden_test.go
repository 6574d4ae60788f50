package dcerpc

import (
	"bufio"
	"encoding/hex"
	"flag"
	"os"
	"strings"
	"testing"
)

const goldenFile = "testdata/rpcclient.txt"

// conversation is a request as a real client sent it, and the answer to it.
type conversation struct {
	name            string
	request, answer []byte
}

func testHost() Host {
	return Host{
		Name: "FS1", Domain: "CORP", Comment: "Namespace server",
		Shares: func() []Share {
			return []Share{
				{Name: "dfs", Comment: "Company shares", Type: Disktree, DFSRoot: true},
				{Name: "IPC$", Comment: "Remote IPC", Type: IPC},
			}
		},
	}
}

func readGolden(t testing.TB) (comments []string, all []conversation) {
	t.Helper()
	f, err := os.Open(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "#"):
			comments = append(comments, line)
		case strings.HasPrefix(line, "> "):
			all[len(all)-1].request = unhex(t, line[2:])
		case strings.HasPrefix(line, "< "):
			all[len(all)-1].answer = unhex(t, line[2:])
		default:
			all = append(all, conversation{name: line})
		}
	}
	if len(all) < 7 {
		t.Fatalf("%s holds %d conversations", goldenFile, len(all))
	}
	return comments, all
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// boundPipe is srvsvc after the bind of a real client.
func boundPipe(t testing.TB, h Host) *Pipe {
	t.Helper()
	_, all := readGolden(t)
	p, err := Open("srvsvc", h)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(all[0].request); err != nil {
		t.Fatal(err)
	}
	drain(p)
	return p
}

// drain reads all that a pipe has queued.
func drain(p *Pipe) []byte {
	var all []byte
	for {
		part, _ := p.Read(maxFragment)
		if part == nil {
			return all
		}
		all = append(all, part...)
	}
}

func TestGolden(t *testing.T) {
	comments, all := readGolden(t)
	out := strings.Builder{}
	for _, c := range comments {
		out.WriteString(c + "\n")
	}
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			p := boundPipe(t, testHost())
			if err := p.Write(c.request); err != nil {
				t.Fatal(err)
			}
			got := drain(p)
			out.WriteString(c.name + "\n> " + hex.EncodeToString(c.request) + "\n< " + hex.EncodeToString(got) + "\n")
			if !rewrite() && string(got) != string(c.answer) {
				t.Errorf("answer to %s =\n%x, want\n%x", c.name, got, c.answer)
			}
		})
	}
	if rewrite() {
		if err := os.WriteFile(goldenFile, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func rewrite() bool { return *rewriteFlag }

var rewriteFlag = flag.Bool("rewrite", false, "write the golden answers anew")
