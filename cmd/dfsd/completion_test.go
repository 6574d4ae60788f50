package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

const completionText = `version: 1
host: ns1.corp.example.com
data_dir: data
admin: {socket: none.sock}
smb: {listen: ["127.0.0.1:4450"], names: [files]}
sites:
  static:
    sites: [London, NewYork, "New Delhi"]
namespaces:
  - name: public
    folders:
      - path: projects
        targets: [{path: '\\fs1\projects'}, {path: '\\fs2\projects\live'}]
      - path: 'teams\design'
        targets: [{path: '\\fs1\design'}]
  - name: archive
replication:
  groups:
    - name: branch
      members:
        - {host: fs1, address: "fs1:5722", key: SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU}
        - {host: fs2, address: "fs2:5722", key: SHA256:ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3hay/7Us}
      topology: full-mesh
      folders:
        - {name: projects, path: /srv/projects, primary: fs1}
  observers:
    - {host: ns1.corp.example.com, key: SHA256:ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3hay/7Uw}
`

// offered are what a shell is offered behind args, and whether it may offer files
// where that is nothing.
func offered(t *testing.T, args ...string) (names []string, files bool) {
	t.Helper()
	code, out, _ := dfsd(t, append([]string{"__complete"}, args...)...)
	all := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	last := all[len(all)-1]
	if code != exitFine || !strings.HasPrefix(last, ":") {
		t.Fatalf("__complete %q = %d, %q", args, code, out)
	}
	var directive cobra.ShellCompDirective
	if _, err := fmt.Sscanf(last, ":%d", &directive); err != nil {
		t.Fatal(err)
	}
	return all[:len(all)-1], directive&cobra.ShellCompDirectiveNoFileComp == 0
}

func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "dfsd.yaml")
	if err := os.WriteFile(file, []byte(completionText), 0o600); err != nil {
		t.Fatal(err)
	}
	sites := "London|NewYork|New Delhi"
	for _, tt := range []struct{ args, want string }{
		{"namespace show |", "public|archive"},
		{"namespace show |p", "public"},
		{"namespace show public |", ""},
		{"namespace export |", "public|archive"},
		{"namespace export PUBLIC |", "archive"},
		{"site cost |", sites},
		{"site cost NewYork |", "London|New Delhi"},
		{"site cost NewYork London |", ""},
		{"site lookup |", ""},
		{"referral explain x --site |", sites},
		{"referral explain x --site |New", "NewYork|New Delhi"},
		{"referral explain |", "//files/public|//files/public/projects|//files/public/teams/design|//files/archive"},
		{"referral explain |//dc1/pub", "//dc1/public|//dc1/public/projects|//dc1/public/teams/design"},
		{"referral explain |//fi", "//files/public|//files/public/projects|//files/public/teams/design|//files/archive"},
		{"referral explain |//files/public/t", "//files/public/teams/design"},
		{`referral explain |\\files`, ""},
		{"referral explain x |", ""},
		{"target drain |", "fs1|fs2|//files/public/projects|//files/public/teams/design"},
		{"target offline |/", "//files/public/projects|//files/public/teams/design"},
		{"target online |fs2", "fs2"},
		{"target drain |//ns1.corp.example.com/", "//ns1.corp.example.com/public/projects|//ns1.corp.example.com/public/teams/design"},
		{"target drain //x/PUBLIC/projects |", "//fs1/projects|//fs2/projects/live|fs1|fs2"},
		{`target drain \\x\public\projects |/`, "//fs1/projects|//fs2/projects/live"},
		{"target drain //x/public/teams/design/ |f", "fs1"},
		{"target drain //x/public/none |", ""},
		{"target drain //x/none/projects |", ""},
		{"target drain fs1 |", ""},
		{"target drain //x/public/projects fs1 |", ""},
		{"serve --host |", "fs1|fs2|ns1.corp.example.com"},
		{"status --host |ns", "ns1.corp.example.com"},
		{"user set |", ""},
	} {
		before, typed, _ := strings.Cut(tt.args, "|")
		args := append(strings.Fields(before), typed)
		args = slices.Insert(args, 2, "-c", file)
		if args[0] == "serve" || args[0] == "status" {
			args = append([]string{args[0], "-c", file, "--host"}, typed)
		}
		got, files := offered(t, args...)
		if strings.Join(got, "|") != tt.want || files {
			t.Errorf("%s offers %q, files %v, want %q", tt.args, got, files, tt.want)
		}
	}
	if _, files := offered(t, "replication", "inspect", ""); !files {
		t.Error("replication inspect offers no files")
	}

	// What cannot be read at once offers nothing, and no file names either.
	long := filepath.Join(dir, "long.yaml")
	text := completionText + strings.Repeat("# more\n", maxCompleted/7)
	if err := os.WriteFile(long, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "none.yaml"), dir, long} {
		for _, args := range [][]string{{"namespace", "show", "-c", path, ""}, {"serve", "-c", path, "--host", ""}} {
			if got, files := offered(t, args...); len(got) > 0 || files {
				t.Errorf("%q offers %q, files %v", args, got, files)
			}
		}
	}
}

// TestCompletionFromADaemon: with --socket the daemon is asked.
func TestCompletionFromADaemon(t *testing.T) {
	r := startDaemon(t)
	socket := filepath.Join(filepath.Dir(r.file), "admin.sock")
	if got, _ := offered(t, "referral", "explain", "--socket", socket, ""); !slices.Equal(got, []string{"//fs1.corp.example.com/public"}) {
		t.Errorf("offered are %q", got)
	}
	r.stop()
	<-r.ended
	if got, files := offered(t, "referral", "explain", "--socket", socket, ""); len(got) > 0 || files {
		t.Errorf("without the daemon %q are offered, files %v", got, files)
	}
}

// TestEveryCommandTakesAFile: a script gives -c to whatever it calls.
func TestEveryCommandTakesAFile(t *testing.T) {
	var look func(cmd *cobra.Command)
	count := 0
	look = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			look(sub)
		}
		if cmd.HasSubCommands() || cmd.Name() == "help" {
			return
		}
		count++
		if f := cmd.Flags().ShorthandLookup("c"); f == nil || f.Name != "config" {
			t.Errorf("%s takes no -c", cmd.CommandPath())
		}
	}
	look(newRootCommand(streams{}))
	if count < 25 {
		t.Errorf("%d commands were looked at: not all", count)
	}
	for _, args := range [][]string{{"version"}, {"config", "schema"}} {
		if code, out, talk := dfsd(t, append(args, "-c", "none.yaml")...); code != exitFine || out == "" || talk != "" {
			t.Errorf("%s -c none.yaml = %d, %q", args, code, talk)
		}
		if _, help, _ := dfsd(t, append(args, "--help")...); strings.Contains(help, "--config") {
			t.Errorf("%s shows a flag that does nothing", args)
		}
	}
	if code, _, talk := dfsd(t, "referral", "query", "//127.0.0.1/x", "--config", "none.yaml", "-p", "1", "-U", "a%b"); code != exitUnreachable {
		t.Errorf("referral query --config = %d, %s", code, talk)
	}
}
