//go:build integration

package lab_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dfsd/internal/lab"
)

// TestKernelClientLosesTarget: the kernel's client has files open through the
// namespace while the server behind its first target is killed, and its
// replication with it.
//
// What cifs.ko of Linux 6.1 does, and what this holds it to: new opens, and reads
// and writes of files that are open, go on over the next target of the referral
// that it keeps as soon as the dead one refuses, whether dfsd knows of it yet or
// not; and a client that asks for a referral after down_after goes to the second
// target at once.
//
// What it does not do: it keeps every referral for two minutes at least, so a
// shorter degraded_ttl says nothing to it, and asks no sooner when a target
// fails. It stays on the second target when the first is back, and looks at no
// failback. A file that is open and that the second target does not have is lost
// to who has it open, with what the kernel had not written yet.
func TestKernelClientLosesTarget(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	e := l.Estate(2, hastyProbes(), projects("        gate: {max_lag: 10m}\n"))
	first, second := e.Members[0], e.Members[1]
	for _, name := range []string{"plan.txt", "log.txt"} {
		if err := errors.Join(
			os.WriteFile(filepath.Join(first.Folder, name), []byte("one\n"), 0o666),
			os.Chmod(filepath.Join(first.Folder, name), 0o666),
		); err != nil {
			t.Fatal(err)
		}
	}
	e.AwaitInStep()
	l.Await("both targets hold everything", func() error {
		if second.Read("plan.txt") != "one\n" || second.Read("log.txt") != "one\n" {
			return errors.New("the second has not")
		}
		return orderIs(e, "projects", "fs1:up fs2:up")()
	})
	first.Dfsd.Stop() // what is written to the first from now on is on it alone
	bells := [3]netip.Addr{l.Address(), l.Address(), l.Address()}
	guest := l.Guest(fmt.Sprintf(kernelSetup, e.Namespace.Addr, lab.Alice.User, lab.Alice.Password) + loserScript(first.Samba.Addr, bells))
	check := func(name string, code int, want ...string) string {
		t.Helper()
		step := guest.Await(name)
		if missing := lacks(step.Output, want...); step.Code != code || missing != nil {
			t.Errorf("%s: exit code %d, want %d; missing %q in %q", name, step.Code, code, missing, step.Output)
		}
		return step.Output
	}
	mark := func(name string) {
		step := guest.Await(name)
		t.Logf("%s: exit code %d, %q", name, step.Code, step.Output)
	}

	check("attach", 0)
	check("before", 0, "one")
	check("alone", 0)
	check("hint-first", 0, first.Target()[1:]+" (target hint)")
	first.Samba.Stop()
	began := time.Now()
	ring(t, bells[0])
	check("new-open", 0, "one")
	check("new-file", 0)
	t.Logf("the client was on the second target within %v", time.Since(began).Round(time.Millisecond))
	check("held-read", 0, "one")
	check("held-write", 0)
	mark("lost-write")
	mark("lost-fsync")
	check("hint-second", 0, second.Target()[1:]+" (target hint)")
	mark("cache-kept")
	if got := second.Read("new.txt"); got != "new\n" {
		t.Errorf("the second has %q of the new file", got)
	}
	if got := second.Read("log.txt"); got != "one\ntwo\n" {
		t.Errorf("the second has %q of the file that was open", got)
	}
	t.Logf("of the file that was on the first alone the second has %q", second.Read("alone.txt"))

	l.Await("the first is down", orderIs(e, "projects", "fs2:up fs1:down"))
	ring(t, bells[1])
	check("attach-again", 0)
	check("open-again", 0, "one")
	cache := check("cache-again", 0, second.Target()[1:]+" (target hint)", "ttl=120,")
	if a, b := strings.Index(cache, second.Target()[1:]), strings.Index(cache, first.Target()[1:]); a > b || b < 0 {
		t.Errorf("a new referral does not have the second target before the first:\n%s", cache)
	}

	first.StartSamba()
	first.StartDfsd()
	l.Await("the first is back in its place", orderIs(e, "projects", "fs1:up fs2:up"))
	ring(t, bells[2])
	check("write-at-last", 0)
	mark("cache-at-last")
	l.Await("the last file on both", func() error {
		if first.Read("last.txt") != "last\n" || second.Read("last.txt") != "last\n" {
			return fmt.Errorf("they have %q and %q", first.Read("last.txt"), second.Read("last.txt"))
		}
		return nil
	})
	check("end", 0)
}

// ring tells the guest, which waits for an answer of the address, to go on.
func ring(t *testing.T, at netip.Addr) {
	t.Helper()
	bell, err := net.Listen("tcp", netip.AddrPortFrom(at, 445).String())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := bell.Accept()
			if err != nil {
				return
			}
			_ = c.Close() // or the guest's program waits for what we say
		}
	}()
	t.Cleanup(func() { _ = bell.Close(); <-done })
}

// loserScript has three files open while the first target is killed.
func loserScript(first netip.Addr, bells [3]netip.Addr) string {
	return strings.NewReplacer("@first", first.String(), "@bell0", bells[0].String(), "@bell1", bells[1].String(), "@bell2", bells[2].String()).Replace(`
waits() { until nc -w 1 "$1" 445 </dev/null >/dev/null 2>&1; do :; done; }
append() { dd conv=fsync 2>&1 >&"$1"; }
uncached() { sync; echo 3 >/proc/sys/vm/drop_caches; "$@"; }
text() { echo "$1" >"$2"; }
put() { echo "$2" >&"$1"; }

step attach attach public vers=3.1.1
step before cat /mnt/projects/plan.txt
exec 3</mnt/projects/plan.txt 4>>/mnt/projects/log.txt 5>>/mnt/projects/alone.txt
echo one | step alone append 5
step hint-first cat /proc/fs/cifs/dfscache
waits @bell0
refuses @first
step new-open uncached cat /mnt/projects/plan.txt
step new-file text new /mnt/projects/new.txt
echo 3 >/proc/sys/vm/drop_caches
step held-read cat <&3
echo two | step held-write append 4
step lost-write put 5 two
echo three | step lost-fsync append 5
step hint-second cat /proc/fs/cifs/dfscache
step cache-kept cat /proc/fs/cifs/dfscache
exec 3<&- 4>&- 5>&-

waits @bell1
detach
echo 0 >/proc/fs/cifs/dfscache
step attach-again attach public vers=3.1.1
step open-again cat /mnt/projects/plan.txt
step cache-again cat /proc/fs/cifs/dfscache

waits @bell2
step write-at-last text last /mnt/projects/last.txt
sync
step cache-at-last cat /proc/fs/cifs/dfscache
detach
`)
}
