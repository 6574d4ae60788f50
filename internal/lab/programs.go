//go:build integration

package lab

import (
	"fmt"
	"os/exec"
	"strings"
)

// programs names, for each program that the laboratory runs, the Debian
// package that holds it. The script .ci/install brings all of them.
var programs = map[string]string{
	"cpio":               "cpio",
	"ip":                 "iproute2",
	"kinit":              "krb5-user",
	"klist":              "krb5-user",
	"kvno":               "krb5-user",
	"ldapsearch":         "ldap-utils",
	"modprobe":           "kmod",
	"ndrdump":            "samba-testsuite",
	"nsenter":            "util-linux",
	"qemu-system-x86_64": "qemu-system-x86",
	"rpcclient":          "smbclient",
	"samba":              "samba-ad-dc",
	"samba-tool":         "samba-common-bin",
	"slapadd":            "slapd",
	"slapd":              "slapd",
	"smbclient":          "smbclient",
	"smbd":               "samba",
	"smbget":             "smbclient",
	"smbpasswd":          "samba-common-bin",
	"smbtorture":         "samba-testsuite",
	"tcpdump":            "tcpdump",
	"tshark":             "tshark",
	"unshare":            "util-linux",
	"winbindd":           "winbind",
	debianPython:         "python3-impacket",
}

// debianPython is the interpreter that sees Debian's python3-impacket; another
// python3 may come first in PATH.
const debianPython = "/usr/bin/python3"

// checkPrograms says which programs are missing and how to get them.
func checkPrograms() error {
	missing := map[string]bool{}
	for program, pkg := range programs {
		if _, err := exec.LookPath(program); err != nil {
			missing[pkg] = true
		}
	}
	for module, pkg := range map[string]string{"impacket": "python3-impacket", "smbc": "python3-smbc"} {
		if exec.Command(debianPython, "-c", "import "+module).Run() != nil {
			missing[pkg] = true
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var names []string
	for name := range missing {
		names = append(names, name)
	}
	return fmt.Errorf("missing packages: %s; install them with .ci/install", strings.Join(names, " "))
}
