//go:build integration

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"dfsd/internal/lab/servers"
)

// Folders of the private /run, gone with the mount namespace.
const (
	labDir       = "/run/lab"
	homeDir      = labDir + "/home"
	clientConfig = labDir + "/client.conf"
	passdbFile   = labDir + "/smbpasswd"
	hostsFile    = labDir + "/hosts"
)

// Account is a user name with its password.
type Account = servers.Account

// Alice is the user that every Samba server of the laboratory knows, and every
// dfsd that is not told otherwise.
var Alice = Account{User: "alice", Password: "Wonder-Land1"}

// hideRun gives this process a /run of its own, with the laboratory's folders.
func hideRun(context.Context) error {
	return servers.HideRun("/run/lock", netnsPath, homeDir+"/.smb")
}

// writeAccounts makes Alice known: to the system, as smbd demands, by a
// passwd file of this mount namespace, and to Samba by a smbpasswd file that
// all its servers read.
func writeAccounts(ctx context.Context) error {
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%s:x:20001:65534::/nonexistent:/usr/sbin/nologin\n", Alice.User)
	if err := overlay("/etc/passwd", filepath.Join(labDir, "passwd"), string(passwd)+line); err != nil {
		return err
	}
	config := filepath.Join(labDir, "passdb.conf")
	text := "[global]\npassdb backend = smbpasswd:" + passdbFile + "\nprivate dir = " + labDir + "\nlock directory = " + labDir + "\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return err
	}
	return execute(ctx, Alice.Password+"\n"+Alice.Password+"\n", "smbpasswd", "-c", config, "-s", "-a", Alice.User).Err()
}

// writeHosts makes names resolve by a private /etc/hosts and in no other way.
func writeHosts(context.Context) error {
	return errors.Join(
		overlay("/etc/hosts", hostsFile, "127.0.0.1 localhost\n::1 localhost\n"),
		overlay("/etc/nsswitch.conf", filepath.Join(labDir, "nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files\n"),
	)
}

// overlay covers a file of the system, in this mount namespace, by a private
// one.
func overlay(path, private, text string) error {
	if err := os.WriteFile(private, []byte(text), 0o644); err != nil {
		return err
	}
	if err := unix.Mount(private, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("cover %s: %w", path, err)
	}
	return nil
}

// writeClientConfig writes the smb.conf of all client programs, also where
// libsmbclient looks for it. It leaves every security default as it is.
func writeClientConfig(context.Context) error {
	text := "[global]\n" +
		"workgroup = LAB\n" +
		"netbios name = CLIENT\n" +
		"disable netbios = yes\n" +
		"name resolve order = host\n" +
		"private dir = " + labDir + "\n" +
		"lock directory = " + labDir + "\n" +
		"state directory = " + labDir + "\n" +
		"cache directory = " + labDir + "\n"
	if err := os.WriteFile(clientConfig, []byte(text), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(homeDir, ".smb", "smb.conf"), []byte(text), 0o644)
}
