package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"dfsd/replication"
)

const (
	// little is the room that data_dir should have, in bytes.
	little = 1 << 30
	// fewInodes is how many files a file system should still take.
	fewInodes = 10_000
)

// diskState is what a file system says about itself.
type diskState struct {
	// free is what an ordinary user may still write, and inodes how many files
	// may still be made; -1: no limit.
	free, inodes int64
	// network names a file system of another host, such as "nfs"; empty: local.
	network  string
	readOnly bool
	// xattrs and watched are why extended attributes and notices of all changes
	// are not to be had; nil: they are. errUnknown: nobody can tell here.
	xattrs, watched error
	// writable is why this user cannot write in the directory; nil: he can.
	writable error
}

// errUnknown is of what this operating system does not tell.
var errUnknown = errors.New("not known on this system")

func (d *doctor) diskChecks() []Check {
	var checks []Check
	if d.DataDir != "" {
		checks = append(checks, check(Disk, d.DataDir, d.checkDataDir))
	}
	if d.Replication == nil {
		return checks
	}
	for _, g := range d.Replication.Groups {
		if _, ours := g.Member(d.Host); !ours {
			continue
		}
		for _, f := range g.Folders {
			checks = append(checks, check(Disk, g.Name+"/"+f.Name, func(_ context.Context, r *report) { d.checkFolder(r, f) }))
		}
	}
	return checks
}

// directoryAt looks whether there is a directory; setting says where it is
// configured.
func directoryAt(r *report, path, setting, mendMissing string) bool {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.add(Failed, path, mendMissing, "%s does not exist", setting)
	case errors.Is(err, fs.ErrPermission):
		r.add(Failed, path, "run as the user that runs the daemon, or let that user through to it", "this user may not look at %s", setting)
	case err != nil:
		r.add(Failed, path, "correct "+setting, "%s cannot be looked at: %v", setting, err)
	case !info.IsDir():
		r.add(Failed, path, "correct "+setting, "%s is not a directory", setting)
	default:
		return true
	}
	return false
}

func (d *doctor) checkDataDir(_ context.Context, r *report) {
	if !directoryAt(r, d.DataDir, "data_dir", "install -d -m 700 "+d.DataDir+", owned by the user that runs the daemon") {
		return
	}
	state, err := d.disk(d.DataDir)
	if err != nil {
		r.add(Failed, d.DataDir, "dmesg | tail", "the file system cannot be looked at: %v", err)
		return
	}
	tellCommon(r, d.DataDir, "data_dir", state)
	if state.network != "" {
		r.add(Warning, d.DataDir, "set data_dir to a directory on a local disk", "data_dir is on the network file system %s, which may lose what was written durably", state.network)
	}
	if state.free >= 0 && state.free < little {
		r.add(Warning, d.DataDir, "free space, or set data_dir to a larger disk", "%s free, less than %s", sizeText(state.free), sizeText(little))
	}
	if len(r.findings) == 0 {
		r.okf(d.DataDir, "can be written, %s free", sizeText(state.free))
	}
}

// tellCommon tells what is wrong with any directory that the daemon writes.
func tellCommon(r *report, path, setting string, state diskState) {
	switch {
	case state.readOnly:
		r.add(Failed, path, "mount -o remount,rw the file system; dmesg says why it went read-only", "the file system is read-only")
	case state.writable != nil:
		r.add(Failed, path, "chown it to the user that runs the daemon, or run dfsd doctor as that user", "this user cannot write in %s: %v", setting, state.writable)
	}
	if state.inodes >= 0 && state.inodes < fewInodes {
		r.add(Warning, path, "remove files, or move to a file system with more inodes: df -i "+path, "the file system takes only %d files more", state.inodes)
	}
}

// checkFolder looks at the root of a replicated folder.
func (d *doctor) checkFolder(r *report, f replication.FolderConfig) {
	path, _ := f.On(d.Host)
	if !directoryAt(r, path, "the root of the folder "+f.Name, "mount its disk; only if the folder is new: mkdir -p "+path) {
		return
	}
	state, err := d.disk(path)
	if err != nil {
		r.add(Failed, path, "dmesg | tail", "the file system cannot be looked at: %v", err)
		return
	}
	tellCommon(r, path, "the root of the folder "+f.Name, state)
	if state.network != "" {
		r.add(Failed, path, "replicate on the file server itself, on a local disk", "the folder is on the network file system %s: changes by others are not seen", state.network)
	}
	if state.xattrs != nil && !errors.Is(state.xattrs, errUnknown) {
		r.add(Warning, path, "mount the file system with user_xattr, or use ext4, XFS or Btrfs", "the file system keeps no extended attributes: ACLs and attributes of files are lost there (%v)", state.xattrs)
	}
	if state.free >= 0 && state.free < int64(f.StagingQuota) {
		r.add(Warning, path, fmt.Sprintf("free space, or set staging_quota of the folder %s below %s", f.Name, sizeText(state.free)), "%s free, less than staging_quota %v", sizeText(state.free), f.StagingQuota)
	}
	if state.watched != nil && !errors.Is(state.watched, errUnknown) {
		r.add(Notice, path, "AmbientCapabilities=CAP_SYS_ADMIN CAP_DAC_READ_SEARCH in dfsd.service, or run as root", "changes of the whole file system are not told to this user (%v): each directory is watched by itself", state.watched)
	}
	if len(r.findings) == 0 {
		r.okf(path, "can be written, %s free", sizeText(state.free))
	}
}

// sizeText writes a size in the greatest unit that keeps it above one.
func sizeText(n int64) string {
	if n < 0 {
		return "an unknown space"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	size, unit := float64(n), 0
	for size >= 1024 && unit < len(units)-1 {
		size, unit = size/1024, unit+1
	}
	return fmt.Sprintf("%.4g %s", size, units[unit])
}
