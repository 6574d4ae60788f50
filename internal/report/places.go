package report

import (
	"cmp"
	"strings"
)

// The ways to hear of replication: of a host that may ask nobody, and of one whom
// nobody answers.
const (
	becomeObserver = "replication.observers: put this host there, here and on every member, with the key that `dfsd identity` prints to the daemon's user; " +
		"then `dfsd config reload` on the members, and restart dfsd here"
	reachMembers = "dfsd doctor; replication.groups.members.address"
)

// places tells where commands about replicated folders are to be run: only a host
// that holds one can answer.
type places struct {
	byFolder  map[string]string // in lower case, and "" for any; a host, or here
	otherwise string            // what to do where no place is known
}

// here is this host, where places has others by name.
const here = ""

func placesOf(f *Facts) places {
	p := places{byFolder: map[string]string{}, otherwise: reachMembers}
	if f.Outsider {
		p.otherwise = becomeObserver
	}
	for i := range f.Members {
		m := &f.Members[i]
		for k := range m.Folders {
			for _, name := range []string{"", strings.ToLower(folderName(m.Folders[k]))} {
				switch _, known := p.byFolder[name]; {
				case m.Self:
					p.byFolder[name] = here
				case !known:
					p.byFolder[name] = cmp.Or(m.Host, "a member")
				}
			}
		}
	}
	return p
}

// run is a command about a replicated folder, or about all where folder is empty,
// with the host to run it on where that is not this one. Where nobody is known to
// hold the folder, it says how somebody becomes known.
func (p places) run(folder, command string) string {
	where, known := p.byFolder[strings.ToLower(folder)]
	switch {
	case !known:
		return p.otherwise
	case where == here:
		return command
	}
	return "on " + where + ": " + command
}

// backlog shows what members lack of a replicated folder, or of all.
func (p places) backlog(folder string) string {
	if folder == "" {
		return p.run("", "dfsd replication backlog")
	}
	return p.run(folder, "dfsd replication backlog "+argument(folder))
}
