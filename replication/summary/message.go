package summary

import (
	"fmt"
	"time"

	"dfsd/internal/field"
)

// Bounds of what a host may say of itself.
const (
	MaxFolders     = 10_000 // of one host
	MaxConnections = 1_000  // of one folder
	MaxNotes       = 256 << 10
	// maxCost bounds the memory of one host's folders, in bytes as footprint
	// counts them.
	maxCost = 32 << 20

	maxText  = 1 << 10 // bytes of a name
	maxError = 300     // bytes of Folder.Error
	maxPhase = 64
	maxHosts = 10_000  // in a beat
	maxNames = 1 << 17 // in an update; it ends before, at partSize
	// maxBoot bounds what may be claimed, so that there is always a higher one
	// for a host to take.
	maxBoot = 1 << 62
	// maxRelayed is what may be claimed of another host.
	maxRelayed = maxBoot / 2
)

// version is the only one of the protocol so far.
const version = 1

// hello is the first message of both sides:
//
//	lowest and highest version, uvarint each
//	host, software: text
type hello struct {
	lowest, highest uint64
	host, software  string
}

func (h hello) append(b []byte) []byte {
	b = appendNumber(b, h.lowest)
	b = appendNumber(b, h.highest)
	b = field.AppendBytes(b, h.host)
	return field.AppendBytes(b, h.software)
}

func parseHello(body []byte) (hello, error) {
	r := readerOf(body, time.Time{})
	h := hello{r.Uvarint("lowest version"), r.Uvarint("highest version"), r.name("host"), r.text(maxText, "software")}
	if h.lowest > h.highest {
		r.Fail("versions %d to %d", h.lowest, h.highest)
	}
	return h, r.End("a hello")
}

// stand is how far a host's word on itself goes: boot and seq as Package
// summary says.
type stand struct{ boot, seq uint64 }

func (s stand) newer(than stand) bool {
	return s.boot > than.boot || s.boot == than.boot && s.seq > than.seq
}

// standing is what the sender of a beat has of one host.
type standing struct {
	host string
	want bool // the sender wants to hear of the host from the receiver
	stand
	tick uint64
	age  time.Duration // since the host said it
}

// beat says what the sender has, sorted by host:
//
//	got: how many updates the sender had received on this connection
//	count, and for each host:
//	  host: text
//	  want: uint8, 0 or 1
//	  boot, seq, tick: uvarint; zero: nothing is known
//	  age: uvarint, milliseconds
type beat struct {
	got       uint64
	standings []standing
}

func (m beat) append(b []byte) []byte {
	b = appendNumber(b, m.got)
	b = appendNumber(b, uint64(len(m.standings)))
	for _, s := range m.standings {
		b = field.AppendBytes(b, s.host)
		b = field.AppendBool(b, s.want)
		b = s.appendTo(b)
		b = appendNumber(b, s.tick)
		b = appendDuration(b, s.age)
	}
	return b
}

func (s stand) appendTo(b []byte) []byte { return appendNumber(appendNumber(b, s.boot), s.seq) }

func parseBeat(body []byte) (beat, error) {
	r := readerOf(body, time.Time{})
	m := beat{got: r.Uvarint("updates received")}
	n := r.Count(maxHosts, 7, "hosts")
	m.standings = make([]standing, 0, n)
	for i := range n {
		s := standing{host: r.name("host"), want: r.Bool("want"), stand: r.stand(), tick: r.Uvarint("tick"), age: r.duration("age")}
		if i > 0 && s.host <= m.standings[i-1].host {
			r.Fail("host %d is out of order", i)
		}
		if r.Err != nil {
			return beat{}, r.Err
		}
		m.standings = append(m.standings, s)
	}
	return m, r.End("a beat")
}

// Flags of an update.
const (
	flagMore  = 1 << iota // the next update goes on with this one
	flagNotes             // notes follow; without it they are as before
	allFlags  = flagMore | flagNotes
)

// update is what one host says of itself, or a part of it:
//
//	host: text
//	boot, seq, tick: uvarint
//	age: uvarint, milliseconds
//	base: uvarint; the seq that this is a change of; 0: it is all there is
//	flags: uint8
//	software: text
//	notes: byte string, with flagNotes
//	count, and as many host names, that connections refer to by place
//	count, and as many folders, as folder.append draws them, sorted
//
// What was removed since base is never said: then base is 0.
type update struct {
	host string
	stand
	tick     uint64
	age      time.Duration
	base     uint64
	more     bool
	hasNotes bool
	notes    []byte
	software string
	folders  []*folder
}

// fit leaves in u the folders for one frame, at least one where there are any,
// and returns the others; then u is marked as having more.
func (u *update) fit(now time.Time) (rest []*folder) {
	w := &folderWriter{now: now}
	for n, f := range u.folders {
		if n > 0 && w.size() >= partSize {
			rest, u.folders, u.more = u.folders[n:], u.folders[:n], true
			break
		}
		w.add(f)
	}
	return rest
}

// append writes u as of now.
func (u *update) append(b []byte, now time.Time) []byte {
	w := &folderWriter{now: now}
	for _, f := range u.folders {
		w.add(f)
	}
	flags := byte(0)
	if u.more {
		flags |= flagMore
	}
	if u.hasNotes {
		flags |= flagNotes
	}
	b = field.AppendBytes(b, u.host)
	b = u.appendTo(b)
	b = appendNumber(b, u.tick)
	b = appendDuration(b, u.age)
	b = appendNumber(b, u.base)
	b = append(b, flags)
	b = field.AppendBytes(b, u.software)
	if u.hasNotes {
		b = field.AppendBytes(b, u.notes)
	}
	b = appendNumber(b, uint64(len(w.names)))
	for _, name := range w.names {
		b = field.AppendBytes(b, name)
	}
	b = appendNumber(b, uint64(len(u.folders)))
	return append(b, w.body...)
}

func parseUpdate(body []byte, now time.Time) (*update, error) {
	r := readerOf(body, now)
	u := &update{host: r.name("host"), stand: r.stand(), tick: r.Uvarint("tick"), age: r.duration("age"), base: r.Uvarint("base")}
	if u.boot == 0 || u.seq == 0 || u.base >= u.seq {
		r.Fail("boot %d, seq %d, base %d", u.boot, u.seq, u.base)
	}
	flags := r.Byte("flags")
	if flags&^allFlags != 0 {
		r.Fail("flags %#02x", flags)
	}
	u.more, u.hasNotes = flags&flagMore != 0, flags&flagNotes != 0
	u.software = r.text(maxText, "software")
	if u.hasNotes {
		u.notes = append([]byte{}, r.Bytes(MaxNotes, "notes")...)
	}
	names := make([]string, r.Count(maxNames, 1, "names"))
	for i := range names {
		names[i] = r.text(maxText, "name")
	}
	u.folders = r.folders(names)
	return u, r.End("an update")
}

// folders takes a list of folders.
func (r *reader) folders(names []string) []*folder {
	n := r.Count(MaxFolders, leastFolder, "folders")
	folders := make([]*folder, 0, n)
	cost := 0
	for i := range n {
		f := r.folder(names)
		if r.Err != nil {
			return nil
		}
		if i > 0 && folders[i-1].compare(f) >= 0 {
			r.Fail("folder %d is out of order", i)
			return nil
		}
		if cost += f.cost; cost > maxCost {
			r.Fail("the folders take more than %d bytes", maxCost)
			return nil
		}
		folders = append(folders, f)
	}
	return folders
}

// common returns the version that both sides speak.
func (h hello) common() (uint64, error) {
	if h.lowest > version || h.highest < version {
		return 0, fmt.Errorf("%w: versions %d to %d, want %d", ErrVersion, h.lowest, h.highest, version)
	}
	return version, nil
}

// fits refuses more folders than a host may have.
func fits(folders []*folder) error {
	cost := 0
	for _, f := range folders {
		cost += f.cost
	}
	if len(folders) > MaxFolders || cost > maxCost {
		return fmt.Errorf("%w: %d folders of %d bytes", ErrProtocol, len(folders), cost)
	}
	return nil
}

// join adds the next part to u, the parts of an update that have come.
func (u *update) join(next *update) error {
	if next.host != u.host || next.stand != u.stand || next.base != u.base || next.hasNotes {
		return fmt.Errorf("%w: the parts of an update do not belong together", ErrProtocol)
	}
	if n, m := len(u.folders), len(next.folders); n > 0 && m > 0 && u.folders[n-1].compare(next.folders[0]) >= 0 {
		return fmt.Errorf("%w: the parts of an update are out of order", ErrProtocol)
	}
	u.folders = append(u.folders, next.folders...)
	u.more, u.tick, u.age = next.more, next.tick, next.age
	return fits(u.folders)
}
