package replication

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func sortLines(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func window(days, from, to string) WindowConfig {
	var w WindowConfig
	w.SetDefaults()
	for _, err := range []error{w.Days.UnmarshalText([]byte(days)), w.From.UnmarshalText([]byte(from)), w.To.UnmarshalText([]byte(to))} {
		if err != nil {
			panic(err)
		}
	}
	return w
}

func TestValidateSchedule(t *testing.T) {
	tests := []struct {
		name    string
		windows []WindowConfig
		want    string
	}{
		{"none", nil, "windows: no window: the group would never replicate; leave schedule out for always"},
		{"night", []WindowConfig{window("mon-fri", "18:00", "06:00")}, ""},
		{"week", []WindowConfig{window("mon-sun", "00:00", "24:00")}, ""},
		{
			"empty",
			[]WindowConfig{window("mon", "18:00", "18:00"), window("tue", "24:00", "06:00")},
			"windows[0]: the window from 18:00 to 18:00 is empty; a whole day is from 00:00 to 24:00\n" +
				"windows[1]: the window from 24:00 to 06:00 is empty; a whole day is from 00:00 to 24:00",
		},
		{"touching", []WindowConfig{window("mon-fri", "18:00", "06:00"), window("tue-sat", "06:00", "18:00")}, ""},
		{
			"overlap next morning",
			[]WindowConfig{window("mon-fri", "18:00", "06:00"), window("sat", "05:59", "12:00")},
			"windows[1]: on sat at 05:59 this window overlaps another (windows[0])",
		},
		{
			"overlap over the week's end",
			[]WindowConfig{window("mon", "00:00", "01:00"), window("sun", "23:00", "00:30")},
			"windows[1]: on mon at 00:00 this window overlaps another (windows[0])",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ScheduleConfig{Windows: tt.windows}.validate().Error()
			if got != tt.want {
				t.Errorf("validate() =\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestDays(t *testing.T) {
	tests := []struct {
		text string
		want Days
		out  string
	}{
		{"mon", 0b0000001, "mon"},
		{"mon-fri", 0b0011111, "mon-fri"},
		{"sat,sun", 0b1100000, "sat,sun"},
		{"sat, mon-wed", 0b0100111, "mon-wed,sat"},
		{"fri-mon", 0b1110001, "mon,fri-sun"},
		{"sun-mon", 0b1000001, "mon,sun"},
		{"tue-tue", 0b0000010, "tue"},
		{"mon-sun", EveryDay, "mon-sun"},
		{"mon-sat,sun", EveryDay, "mon-sun"},
	}
	for _, tt := range tests {
		var d Days
		if err := d.UnmarshalText([]byte(tt.text)); err != nil || d != tt.want || d.String() != tt.out {
			t.Errorf("UnmarshalText(%q) = %b (%s), %v, want %b (%s)", tt.text, d, d, err, tt.want, tt.out)
		}
	}
	for _, text := range []string{"", "mon-", "-fri", "monday", "Mon", "mon-fri-sun", "mon,,tue", "1"} {
		d := EveryDay
		if err := d.UnmarshalText([]byte(text)); err == nil || d != EveryDay {
			t.Errorf("UnmarshalText(%q) = %v, %v, want a refusal", text, d, err)
		}
	}
}

func TestTimeOfDay(t *testing.T) {
	for text, want := range map[string]TimeOfDay{"00:00": 0, "06:30": 390, "23:59": 1439, "24:00": 1440} {
		var got TimeOfDay
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want || got.String() != text {
			t.Errorf("UnmarshalText(%q) = %d (%s), %v, want %d", text, got, got, err, want)
		}
	}
	for _, text := range []string{"", "6:30", "06:60", "24:01", "99:00", "06-30", "06:30:00", "1080", "+6:30"} {
		got := TimeOfDay(7)
		if err := got.UnmarshalText([]byte(text)); err == nil || got != 7 {
			t.Errorf("UnmarshalText(%q) = %v, %v, want a refusal", text, got, err)
		}
	}
}

// TestValuesRoundTrip: what a value writes, it reads as itself.
func TestValuesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := Days(rapid.IntRange(1, int(EveryDay)).Draw(t, "days"))
		text, _ := days.MarshalText()
		var gotDays Days
		if err := gotDays.UnmarshalText(text); err != nil || gotDays != days {
			t.Fatalf("Days %b written as %q read as %b, %v", days, text, gotDays, err)
		}
		at := TimeOfDay(rapid.IntRange(0, minutesPerDay).Draw(t, "time"))
		text, _ = at.MarshalText()
		var gotAt TimeOfDay
		if err := gotAt.UnmarshalText(text); err != nil || gotAt != at {
			t.Fatalf("TimeOfDay %d written as %q read as %d, %v", at, text, gotAt, err)
		}
		sum := Fingerprint(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sum"))
		text, _ = sum.MarshalText()
		var gotSum Fingerprint
		if err := gotSum.UnmarshalText(text); !sum.IsZero() && (err != nil || gotSum != sum) {
			t.Fatalf("Fingerprint %x written as %q read as %x, %v", sum, text, gotSum, err)
		}
	})
}

func TestParseFingerprint(t *testing.T) {
	const text = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU" // of nothing, FIPS 180-4
	sum, err := ParseFingerprint(text)
	if err != nil || sum != (Fingerprint{
		0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
		0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
	}) || sum.String() != text {
		t.Errorf("ParseFingerprint(%q) = %x, %v", text, sum, err)
	}
	if padded, err := ParseFingerprint(text + "="); err != nil || padded != sum {
		t.Errorf("ParseFingerprint with padding = %x, %v, want the same", padded, err)
	}
	for _, bad := range []string{"", "SHA256:", "sha256:" + text[7:], text[7:], text[:20], text + "A", text + "==", "SHA256:…", text[:len(text)-1] + "V", text[:20] + "\n" + text[20:]} {
		if _, err := ParseFingerprint(bad); err == nil {
			t.Errorf("ParseFingerprint(%q) accepted", bad)
		}
	}
	for n := range len(text) {
		if _, err := ParseFingerprint(text[:n]); err == nil {
			t.Errorf("ParseFingerprint(%q) accepted", text[:n])
		}
	}
}

func TestTopologyText(t *testing.T) {
	var mesh TopologyConfig
	if text, err := mesh.MarshalText(); string(text) != "full-mesh" || err != nil {
		t.Errorf("MarshalText() = %q, %v, want full-mesh", text, err)
	}
	hubs := TopologyConfig{Hubs: []string{"fs1"}}
	if text, err := hubs.MarshalText(); len(text) != 0 || err != nil {
		t.Errorf("MarshalText() of hubs = %q, %v, want nothing", text, err)
	}
	if err := hubs.UnmarshalText([]byte("mesh")); err == nil || hubs.IsFullMesh() {
		t.Errorf("UnmarshalText(mesh) = %v, %v, want a refusal", hubs, err)
	}
	if err := hubs.UnmarshalText([]byte("full-mesh")); err != nil || !hubs.IsFullMesh() {
		t.Errorf("UnmarshalText(full-mesh) = %v, %v", hubs, err)
	}
}

func TestTimezone(t *testing.T) {
	for _, want := range []Timezone{UTC, Local} {
		text, _ := want.MarshalText()
		var got Timezone
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Errorf("Timezone %d written as %q read as %d, %v", want, text, got, err)
		}
	}
	var z Timezone
	if err := z.UnmarshalText([]byte("CET")); err == nil || err.Error() != `"CET" is no time zone of a schedule: want utc or local` {
		t.Errorf("UnmarshalText(CET) = %v", err)
	}
}
