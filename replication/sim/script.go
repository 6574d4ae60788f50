package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dfsd/replication/reconcile"
)

// A Script is what users and fate do in one run, a line each:
//
//	members A B …        who there is; the first is the primary, all are connected
//	oneway A B …         the same, each sends to the next only
//	slowly A B …         like members, but a first scan takes a while
//	tightly N A B …      like slowly, with at most N installs and contents at once
//	edit A PATH CONTENT  a user saves a file, anew or over the old
//	save A PATH CONTENT  the same by renaming a new file over the old
//	mkdir A PATH, move A FROM TO, delete A PATH, chmod A PATH
//	cut A B, heal        no message between the two; all well again
//	crash A, restart A, lose A   lose: its index is gone
//	skew A DURATION      its clock is off
//	faults LOSS DUPLICATE DELAY
//	wait DURATION, settle
//
// Several may stand on one line, parted by ` ; `. What cannot be done, such as
// the deletion of what is not there, is passed over.
type Script []string

// ParseScript cuts text into commands; empty lines and # comments are dropped.
func ParseScript(text string) Script {
	var s Script
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		for c := range strings.SplitSeq(line, ";") {
			if c = strings.TrimSpace(c); c != "" {
				s = append(s, c)
			}
		}
	}
	return s
}

// String is the script with one command a line.
func (s Script) String() string { return strings.Join(s, "\n") + "\n" }

// Run plays s in a new world and returns that world. It stops at the first
// command that is no command and at the first violation.
func (s Script) Run(seed uint64, trace func(string)) *World {
	w := NewWorld(seed, Faults{Delay: 20 * time.Millisecond}, trace)
	for _, c := range s {
		if w.err != nil {
			break
		}
		w.note("> %s", c)
		w.play(strings.Fields(c))
	}
	return w
}

// play does one command.
func (w *World) play(f []string) {
	verb, args := f[0], f[1:]
	switch verb {
	case "tightly":
		if _, err := fmt.Sscan(args[0], &w.tight); err != nil {
			w.fail("tightly %s: %v", args[0], err)
		}
		w.slow = true
		w.populate(args[1:], false)
		return
	case "members", "oneway", "slowly":
		w.slow = verb == "slowly"
		w.populate(args, verb == "oneway")
		return
	case "heal":
		w.Heal()
		return
	case "settle":
		if !w.Settle() {
			w.fail("does not settle")
		}
		return
	case "wait":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			w.fail("%v", err)
		}
		w.run(d)
		return
	case "faults":
		w.playFaults(strings.Join(args, " "))
		return
	}
	if len(args) == 0 || w.named(args[0]) == nil {
		w.fail("unknown command %q", strings.Join(f, " "))
		return
	}
	w.playMember(w.named(args[0]), verb, args[1:])
}

func (w *World) playFaults(args string) {
	var delay string
	if _, err := fmt.Sscan(args, &w.faults.Loss, &w.faults.Duplicate, &delay); err != nil {
		w.fail("faults %s: %v", args, err)
		return
	}
	d, err := time.ParseDuration(delay)
	if err != nil || d <= 0 {
		w.fail("faults: delay %s", delay)
		return
	}
	w.faults.Delay = d
}

// memberCommands gives the number of arguments after the member's name.
var memberCommands = map[string]int{
	"edit": 2, "save": 2, "mkdir": 1, "move": 2, "delete": 1, "chmod": 1,
	"cut": 1, "crash": 0, "restart": 0, "lose": 0, "skew": 1,
}

func (w *World) playMember(m *Member, verb string, args []string) {
	if n, ok := memberCommands[verb]; !ok || n != len(args) {
		w.fail("unknown command %s %s", verb, strings.Join(args, " "))
		return
	}
	done := true
	switch verb {
	case "edit", "save":
		done = m.edit(args[0], args[1], verb == "save")
	case "mkdir":
		done = m.mkdir(args[0])
	case "move":
		done = m.move(args[0], args[1])
	case "delete":
		done = m.remove(args[0])
	case "chmod":
		done = m.chmod(args[0])
	case "crash":
		m.crash()
	case "restart":
		m.restart()
	case "lose":
		if done = w.synced(m); done {
			m.lose()
		}
	case "cut":
		w.playCut(m, args[0])
	case "skew":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			w.fail("%v", err)
		}
		m.skew = d
	}
	w.note("done=%v", done)
}

// synced tells whether a member other than m is past its initial sync: with
// the last such index the initial sync could not begin again by itself.
func (w *World) synced(m *Member) bool {
	for _, o := range w.members {
		if meta, _ := o.store.Meta(); o != m && meta.Phase == reconcile.Normal {
			return true
		}
	}
	return false
}

func (w *World) playCut(m *Member, other string) {
	o := w.named(other)
	if o == nil {
		w.fail("no member %s", other)
		return
	}
	w.cut[[2]int{m.index, o.index}] = true
	w.cut[[2]int{o.index, m.index}] = true
}

func (w *World) populate(names []string, oneWay bool) {
	for i, name := range names {
		w.Add(name, i == 0)
		for j := range i {
			if !oneWay || j == i-1 {
				w.Connect(j, i)
			}
			if !oneWay {
				w.Connect(i, j)
			}
		}
	}
}

// Report says what each member has, in the form of the script tests.
func (w *World) Report() string {
	var b strings.Builder
	for _, m := range w.members {
		fmt.Fprintf(&b, "%s:", m.name)
		m.disk.walk(rootInode, "", func(path string, o object) {
			if o.dir {
				fmt.Fprintf(&b, " %s/", path)
			} else {
				fmt.Fprintf(&b, " %s=%s", path, o.content)
			}
		})
		if len(m.disk.preserved) > 0 {
			var kept []string
			for c := range m.disk.preserved {
				kept = append(kept, c)
			}
			slices.Sort(kept)
			fmt.Fprintf(&b, "   preserved: %s", strings.Join(kept, " "))
		}
		b.WriteString("\n")
	}
	return b.String()
}
