//go:build integration

package lab_test

import (
	"fmt"
	"strings"
	"testing"

	"dfsd/internal/lab"
)

// kernelSetup is what every script of these tests begins with.
const kernelSetup = `
host=%[1]s
login="ip=$host,username=%[2]s,password=%[3]s"
attach() { mount -t cifs "//$host/$1" /mnt -o "$login,$2"; }
detach() { awk '$3 == "cifs" { print $2 }' /proc/mounts | sort -r | while read -r m; do umount "$m" || return 1; done; }
refuses() { while nc -w 1 "$1" 445 </dev/null >/dev/null 2>&1; do :; done; }
`

// kernelOptions are the ways to mount that the kernel's client is tried with.
var kernelOptions = []string{
	"vers=3.1.1",
	"vers=3.1.1,sign",
	"vers=3.1.1,seal",
	"vers=3.1.1,sec=ntlmsspi",
	"vers=3.0",
	"vers=3.0,seal",
	"vers=2.1",
}

// TestKernelClient mounts the namespace with the Linux kernel's own client in a
// virtual machine, goes through links, and loses a server.
func TestKernelClient(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *lab.Lab, serve servant) {
		files := fileServer(l)
		doomed := l.Samba(lab.SambaSetup{Shares: []lab.Share{{Name: "data", Files: map[string]string{"one.txt": "first server\n"}}}})
		heir := l.Samba(lab.SambaSetup{Shares: []lab.Share{{Name: "data", Files: map[string]string{"two.txt": "second server\n"}}}})
		data, down := lab.UNC(files, "data"), lab.UNC(l.Address(), "data")
		host := serve(l, []lab.Folder{
			{Path: "projects", Targets: []string{data}},
			{Path: `dept\it\tools`, Targets: []string{data + `\sub`}},
			{Path: "second", Targets: []string{down, data}},
			{Path: "pair", Targets: []string{lab.UNC(doomed.Addr, "data"), lab.UNC(heir.Addr, "data")}},
		})
		guest := l.Guest(fmt.Sprintf(kernelSetup, host, lab.Alice.User, lab.Alice.Password) + kernelScript(doomed.Addr.String()))

		check := func(name string, code int, want ...string) {
			t.Helper()
			step := guest.Await(name)
			if missing := lacks(step.Output, want...); step.Code != code || missing != nil {
				t.Errorf("%s: exit code %d, want %d; missing %q in %q", name, step.Code, code, missing, step.Output)
			}
		}
		for _, o := range kernelOptions {
			check("mount:"+o, 0)
			check("list:"+o, 0, "projects", "dept", "second")
			check("link:"+o, 0, "hello from the target")
			check("nested:"+o, 0, "deep below")
			check("second:"+o, 0, "hello from the target")
			check("cache:"+o, 0,
				`path=\`+host.String()+`\public,type=root`, "hdr_flags=0x3", fmt.Sprintf("path_consumed=%d", len(`\`+host.String()+`\public`)),
				`\public\second,type=link`, "hdr_flags=0x2", fmt.Sprintf("path_consumed=%d", len(`\`+host.String()+`\public\second`)),
				data[1:]+" (target hint)")
			check("umount:"+o, 0)
		}
		check("walk", 0, "/mnt/projects/sub/deep.txt", "/mnt/dept/it/tools/deep.txt", "/mnt/second/hello.txt")
		check("space", 0)
		check("write", 1)
		check("nodfs-mount", 0)
		check("nodfs-link", 1, "Object is remote")
		check("below-mount", 0)
		check("below-list", 0, "deep.txt")
		check("denied", 255, "Permission denied")

		check("first-server", 0, "first server")
		doomed.Stop()
		check("second-server", 0, "second server")
		check("end", 0)
	})
}

// kernelScript mounts with each of the options, then tries the special cases.
func kernelScript(doomed string) string {
	var b strings.Builder
	for _, o := range kernelOptions {
		b.WriteString(strings.ReplaceAll(`
step mount:@ attach public @
step list:@ ls /mnt
step link:@ cat /mnt/projects/hello.txt
step nested:@ cat /mnt/dept/it/tools/deep.txt
step second:@ cat /mnt/second/hello.txt
step cache:@ cat /proc/fs/cifs/dfscache
step umount:@ detach
`, "@", o))
	}
	b.WriteString(`
attach public vers=3.1.1
step walk find /mnt/projects/ /mnt/dept/it/tools/ /mnt/second/ -name '*.txt'
step space stat -f /mnt
step write touch /mnt/new
detach

step nodfs-mount attach public vers=3.1.1,nodfs
step nodfs-link cat /mnt/projects/hello.txt
detach

step below-mount attach public/projects/sub vers=3.1.1
step below-list ls /mnt
detach

# Without ro, busybox tries once more to mount what was denied.
step denied mount -t cifs "//$host/public" /mnt -o "ro,ip=$host,username=alice,password=wrong,vers=3.1.1"

attach public vers=3.1.1
step first-server cat /mnt/pair/one.txt
refuses ` + doomed + `
step second-server cat /mnt/pair/two.txt
detach
`)
	return b.String()
}
