//go:build integration

package lab_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"dfsd/internal/lab"
)

// NTSTATUS values that referral requests end with.
const (
	statusSuccess          = 0
	statusBufferOverflow   = 0x80000005
	statusInvalidParameter = 0xC000000D
	statusNotFound         = 0xC0000225
)

// referralYAML is the namespace of the tests about bytes.
const referralYAML = `
namespaces:
  - name: public
    ttl: 400s
    failback: true
    folders:
      - path: projects
        ttl: 900s
        targets:
          - {path: '\\fs1\projects', rank: 0}
          - {path: '\\fs2\projects\deep\down', rank: 1}
      - path: 'dept\it\tools'
        targets: [{path: '\\fs1\tools'}]
      - path: 'Übersicht 部門 🗂'
        targets: [{path: '\\fs1\Straße'}]
      - path: many
        targets:
%s`

// manyTargets writes targets enough to fill any small buffer.
func manyTargets() string {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "          - {path: '\\\\fs%02d.lab.example\\many', rank: %d}\n", i, min(i, 31))
	}
	return b.String()
}

// fields is what an answer must say.
type fields struct {
	consumed    string // the part of the path that PathConsumed counts, in UTF-16 bytes
	headerFlags uint32 // at levels 2 and 3
	serverType  int
	ttl         int // seconds
	targets     []string
}

// spelled is the same answer for a path in other letters.
func (f fields) spelled(consumed string) fields {
	f.consumed = consumed
	return f
}

// to is the same answer with one other target.
func (f fields) to(target string) fields {
	f.targets = []string{target}
	return f
}

// TestReferralBytes asks for each kind of path at each level over each dialect
// and checks every field of the answers; ndrdump and Wireshark, which share no
// code with dfsd or this test, must find them well formed.
func TestReferralBytes(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	// Wireshark reads what is signed, not what is sealed.
	d := l.Dfsd(lab.DfsdSetup{SMB: []string{"encryption: off"}, Rest: fmt.Sprintf(referralYAML, manyTargets())})
	host := `\` + d.Addr.String()
	root := fields{host + `\public`, 3, 1, 400, []string{`\` + host + `\public`}}
	link := fields{host + `\public\projects`, 2, 0, 900, []string{`\\fs1\projects`, `\\fs2\projects\deep\down`}}
	cases := []struct {
		path string
		want fields
	}{
		{host + `\public`, root},
		{host + `\public\`, root},
		{host + `\PUBLIC`, root.spelled(host + `\PUBLIC`).to(`\` + host + `\PUBLIC`)},
		{host + `\public\projects`, link},
		{host + `\public\projects\a\b.txt`, link},
		{host + `\Public\PROJECTS\a`, link.spelled(host + `\Public\PROJECTS`)},
		{host + `\public\dept\it\tools\x`, fields{host + `\public\dept\it\tools`, 2, 0, 1800, []string{`\\fs1\tools`}}},
		{host + `\public\Übersicht 部門 🗂\x`, fields{host + `\public\Übersicht 部門 🗂`, 2, 0, 1800, []string{`\\fs1\Straße`}}},
		{host + `\public\dept\it`, root},
		{host + `\public\none`, root},
	}
	var questions []lab.Question
	for _, c := range cases {
		for _, dialect := range []string{"2.0.2", "2.1", "3.0"} {
			for level := 1; level <= 4; level++ {
				questions = append(questions, lab.Question{Dialect: dialect, Path: c.path, Level: level})
			}
		}
	}
	capture := l.Capture(d.Addr)
	answers := askAll(l.Station("10.99.1.5"), d.Addr, questions)
	capture.Stop()
	for _, c := range cases {
		for _, dialect := range []string{"2.0.2", "2.1", "3.0"} {
			for level := 1; level <= 4; level++ {
				a := answers[lab.Question{Dialect: dialect, Path: c.path, Level: level}]
				if err := l.Decodes(a); err != nil {
					t.Errorf("%s: %v", a, err)
				}
				got, err := a.Referral()
				if err != nil {
					t.Error(err)
				}
				want := c.want.at(level)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s\n got %+v\nwant %+v", a, got, want)
				}
			}
		}
	}
	if err := capture.Malformed(); err != nil {
		t.Error(err)
	}
	seen := capture.Select("smb2.ioctl.function == 0x00060194 and smb2.flags.response == 1 and smb2.nt_status == 0", "frame.number")
	if len(seen) != len(questions) {
		t.Errorf("Wireshark saw %d referrals, want %d", len(seen), len(questions))
	}
}

// at is the referral that [MS-DFSC] prescribes at a level, for a namespace with
// failback whose targets all have a target set of their own.
func (f fields) at(level int) lab.Referral {
	r := lab.Referral{PathConsumed: utf16Size(f.consumed), HeaderFlags: f.headerFlags}
	switch level {
	case 1:
		r.HeaderFlags = 3
	case 4:
		r.HeaderFlags |= 4
	}
	for _, target := range f.targets {
		e := lab.Entry{Version: level, ServerType: f.serverType, TTL: f.ttl, DFSPath: f.consumed, Alternate: f.consumed, Target: target[1:]}
		switch level {
		case 1:
			e = lab.Entry{Version: 1, Size: 8 + utf16Size(target[1:]) + 2, ServerType: f.serverType, Target: target[1:]}
		case 2:
			e.Size = 22
		case 3:
			e.Size = 34
		case 4:
			e.Size, e.Flags = 34, 4
		}
		r.Entries = append(r.Entries, e)
	}
	return r
}

// utf16Size is the number of bytes of a text in UTF-16.
func utf16Size(s string) int { return 2 * len(utf16.Encode([]rune(s))) }

// TestReferralRefused: what the server does not have, and what it cannot say.
func TestReferralRefused(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := l.Dfsd(lab.DfsdSetup{Rest: fmt.Sprintf(referralYAML, manyTargets())})
	host := `\` + d.Addr.String()
	for _, tt := range []struct {
		name string
		q    lab.Question
		want uint32
	}{
		{"domain referral", lab.Question{Path: ``, Level: 3}, statusInvalidParameter},
		{"DC referral", lab.Question{Path: host, Level: 3}, statusInvalidParameter},
		{"no such namespace", lab.Question{Path: host + `\none`, Level: 3}, statusNotFound},
		{"a pipe share", lab.Question{Path: host + `\IPC$`, Level: 3}, statusNotFound},
		{"level 0", lab.Question{Path: host + `\public`, Level: 0}, statusInvalidParameter},
		{"level of the future", lab.Question{Path: host + `\public`, Level: 9}, statusSuccess},
		{"no room", lab.Question{Path: host + `\public\many`, Level: 3, MaxOutput: 32}, statusBufferOverflow},
		{"room for some", lab.Question{Path: host + `\public\many`, Level: 3, MaxOutput: 600}, statusSuccess},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.q.Dialect = "3.0"
			a := l.Station("10.99.1.5").Ask(d.Addr, lab.Alice, tt.q)[0]
			if a.Status != tt.want {
				t.Fatalf("%s = status %#x, want %#x", a, a.Status, tt.want)
			}
			if a.Status != statusSuccess {
				return
			}
			r, err := a.Referral()
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Decodes(a); err != nil {
				t.Error(err)
			}
			if tt.q.MaxOutput > 0 && (len(r.Entries) == 0 || len(r.Entries) == 40 || len(a.Bytes) > tt.q.MaxOutput) {
				t.Errorf("%s within %d bytes: %d entries, %d bytes", a, tt.q.MaxOutput, len(r.Entries), len(a.Bytes))
			}
			for i, e := range r.Entries {
				if want := fmt.Sprintf(`\fs%02d.lab.example\many`, i); tt.q.MaxOutput > 0 && e.Target != want && i < 31 {
					t.Errorf("%s within %d bytes: entry %d is %s, want %s", a, tt.q.MaxOutput, i, e.Target, want)
				}
			}
		})
	}
}

// TestSambaReferralBytes proves the question, the decoders and the capture on
// the oracle.
func TestSambaReferralBytes(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	host := servants["samba"](l, []lab.Folder{{Path: "projects", Targets: []string{`\\fs1\projects`, `\\fs2\projects\deep`}}})
	path := lab.UNC(host, "public", "projects")[1:]
	capture := l.Capture(host)
	var questions []lab.Question
	for level := 1; level <= 4; level++ {
		questions = append(questions, lab.Question{Dialect: "2.1", Path: path, Level: level})
	}
	answers := l.Station("10.99.1.5").Ask(host, lab.Alice, questions...)
	capture.Stop()
	for _, a := range answers {
		if err := l.Decodes(a); err != nil {
			t.Error(err)
		}
		version := 2 // Samba knows no other below 3, and none above
		if a.Level >= 3 {
			version = 3
		}
		want := fields{path, 2, 0, 600, []string{`\\fs1\projects`, `\\fs2\projects\deep`}}.at(version)
		if got, err := a.Referral(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %+v, %v\nwant %+v", a, got, err, want)
		}
	}
	if err := capture.Malformed(); err != nil {
		t.Error(err)
	}
	if seen := capture.Select("smb2.ioctl.function == 0x00060194 and smb2.flags.response == 1", "frame.number"); len(seen) != 4 {
		t.Errorf("Wireshark saw %d referrals, want 4", len(seen))
	}
	broken := answers[3]
	broken.Bytes = broken.Bytes[:60] // within the second entry
	if l.Decodes(broken) == nil {
		t.Error("ndrdump accepts an answer that was cut short")
	}
	if _, err := broken.Referral(); err == nil {
		t.Error("an answer that was cut short is decoded without an error")
	}
}
