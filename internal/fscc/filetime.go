package fscc

import "time"

// Filetime is a FILETIME ([MS-DTYP] 2.3.3): intervals of 100 ns since
// 1601-01-01 UTC. 0 stands for no time.
type Filetime uint64

// epochSeconds lie between 1601-01-01 and 1970-01-01.
const epochSeconds = 11644473600

// FiletimeOf converts t. The zero time and all before 1601 give 0.
func FiletimeOf(t time.Time) Filetime {
	s := t.Unix() + epochSeconds
	if t.IsZero() || s < 0 {
		return 0
	}
	return Filetime(uint64(s)*1e7 + uint64(t.Nanosecond()/100))
}

// Times are the four timestamps of a file, in the order in which every class
// shows them.
type Times struct {
	Created, Accessed, Written, Changed Filetime
}

// TimesAt returns Times that are all t.
func TimesAt(t Filetime) Times {
	return Times{Created: t, Accessed: t, Written: t, Changed: t}
}

func (t Times) append(b []byte) []byte {
	b = le.AppendUint64(b, uint64(t.Created))
	b = le.AppendUint64(b, uint64(t.Accessed))
	b = le.AppendUint64(b, uint64(t.Written))
	return le.AppendUint64(b, uint64(t.Changed))
}
