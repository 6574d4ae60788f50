package smb2

import "time"

// Filetime counts intervals of 100 ns since 1601-01-01 UTC. 0 stands for no
// time.
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

// Time converts to UTC; 0 gives the zero time.
func (f Filetime) Time() time.Time {
	if f == 0 {
		return time.Time{}
	}
	return time.Unix(int64(f/1e7)-epochSeconds, int64(f%1e7)*100).UTC()
}
