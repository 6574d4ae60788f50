//go:build integration

package lab_test

import (
	"testing"

	"dfsd/internal/lab"
)

// TestLibsmbclient: the library behind GNOME's and many other file managers
// goes through a link, and walks the whole tree.
func TestLibsmbclient(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *lab.Lab, serve servant) {
		target := []string{lab.UNC(fileServer(l), "data")}
		host := serve(l, []lab.Folder{{Path: "projects", Targets: target}, {Path: `dept\tools`, Targets: target}}).String()
		client := l.Station("10.99.1.5")

		out := client.Run("smbget", "--quiet", "--stdout", "--user="+lab.Alice.User+"%"+lab.Alice.Password,
			"smb://"+host+"/public/projects/sub/deep.txt")
		if missing := lacks(out.Stdout, "deep below"); !out.OK() || missing != nil {
			t.Errorf("smbget: missing %q:\n%s", missing, out)
		}

		out = client.Python("testdata/walk.py", "smb://"+host+"/public", lab.Alice.User, lab.Alice.Password)
		want := []string{
			"/dept/tools/hello.txt: hello from the target",
			"/dept/tools/sub/deep.txt: deep below",
			"/projects/hello.txt: hello from the target",
			"/projects/sub/deep.txt: deep below",
		}
		if missing := lacks(out.Stdout, want...); !out.OK() || missing != nil {
			t.Errorf("python3-smbc: missing %q:\n%s", missing, out)
		}
	})
}
