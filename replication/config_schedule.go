package replication

import (
	"fmt"
	"strconv"
	"strings"

	"dfsd/internal/fault"
	"dfsd/internal/quantity"
)

// ScheduleConfig says when connections may run, and how fast. Outside of its
// windows they are closed.
type ScheduleConfig struct {
	Timezone Timezone       `yaml:"timezone"`
	Windows  []WindowConfig `yaml:"windows"`
}

// WindowConfig is open from From to To on each of Days. Where To is not after
// From, the window runs into the following day.
type WindowConfig struct {
	Days Days      `yaml:"days"`
	From TimeOfDay `yaml:"from"`
	To   TimeOfDay `yaml:"to"`
	// Bandwidth bounds what a connection sends; unlimited unless given.
	Bandwidth quantity.Bandwidth `yaml:"bandwidth"`
}

// SetDefaults opens a window that does not say when all day on every day.
func (w *WindowConfig) SetDefaults() {
	w.Days = EveryDay
	w.To = minutesPerDay
}

const minutesPerWeek = 7 * minutesPerDay

// minutes calls f for every minute of the week, from Monday 00:00, in which w
// is open, until f returns false.
func (w WindowConfig) minutes(f func(minute int) bool) {
	length := int(w.To) - int(w.From)
	if length <= 0 {
		length += minutesPerDay
	}
	for day := range 7 {
		if w.Days&(1<<day) == 0 {
			continue
		}
		start := day*minutesPerDay + int(w.From)
		for m := start; m < start+length; m++ {
			if !f(m % minutesPerWeek) {
				return
			}
		}
	}
}

func (s ScheduleConfig) validate() fault.List {
	var faults fault.List
	if len(s.Windows) == 0 {
		faults.Addf("windows", "no window: the group would never replicate; leave schedule out for always")
	}
	owner := make([]int16, minutesPerWeek) // 1 + index of the window that holds the minute
	for i, w := range s.Windows {
		at := fmt.Sprintf("windows[%d]", i)
		if w.From == w.To || w.From == minutesPerDay {
			faults.Addf(at, "the window from %s to %s is empty; a whole day is from 00:00 to 24:00", w.From, w.To)
			continue
		}
		w.minutes(func(m int) bool {
			if first := owner[m]; first != 0 && int(first) != i+1 {
				faults.AddOtherf(at, fmt.Sprintf("windows[%d]", first-1),
					"on %s at %s this window overlaps another", Days(1<<(m/minutesPerDay)), TimeOfDay(m%minutesPerDay))
				return false
			}
			owner[m] = int16(i + 1)
			return true
		})
	}
	return faults
}

// Timezone says whose clock a schedule goes by.
type Timezone uint8

// The time zones of a schedule.
const (
	UTC   Timezone = iota
	Local          // that of the receiving member
)

var timezoneNames = []string{"utc", "local"}

func (z Timezone) String() string {
	if int(z) < len(timezoneNames) {
		return timezoneNames[z]
	}
	return strconv.Itoa(int(z))
}

// MarshalText writes the word of the configuration file.
func (z Timezone) MarshalText() ([]byte, error) { return []byte(z.String()), nil }

// UnmarshalText reads `utc` or `local`.
func (z *Timezone) UnmarshalText(text []byte) error {
	for i, name := range timezoneNames {
		if name == string(text) {
			*z = Timezone(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no time zone of a schedule: want %s", text, strings.Join(timezoneNames, " or "))
}

// TimeOfDay is a number of minutes since midnight, from 0 to 24:00. A file
// writes it as HH:MM.
type TimeOfDay uint16

const minutesPerDay = 24 * 60

func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", t/60, t%60) }

// MarshalText writes HH:MM.
func (t TimeOfDay) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads HH:MM, from 00:00 to 24:00.
func (t *TimeOfDay) UnmarshalText(text []byte) error {
	s := string(text)
	if len(s) == 5 && s[2] == ':' && strings.Trim(s[:2]+s[3:], "0123456789") == "" {
		hour, minute := int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
		if minute < 60 && hour*60+minute <= minutesPerDay {
			*t = TimeOfDay(hour*60 + minute)
			return nil
		}
	}
	return fmt.Errorf("%q is no time of day: want HH:MM from 00:00 to 24:00, in quotes", text)
}
