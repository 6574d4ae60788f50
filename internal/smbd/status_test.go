package smbd

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"dfsd/internal/smb2"
	"dfsd/internal/smbauth"
	"dfsd/internal/smbtree"
	"dfsd/referral"
	"dfsd/referral/dfsc"
)

func TestStatusOf(t *testing.T) {
	tests := []struct {
		err  error
		want smb2.Status
	}{
		{nil, smb2.StatusSuccess},
		{smb2.StatusPathNotCovered, smb2.StatusPathNotCovered},
		{fmt.Errorf("open: %w", smb2.StatusObjectNameNotFound), smb2.StatusObjectNameNotFound},
		{&smbtree.BufferTooSmallError{Needed: 80}, smb2.StatusBufferTooSmall},
		{smb2.ErrMalformed, smb2.StatusInvalidParameter},
		{smb2.ErrContextDuplicate, smb2.StatusInvalidParameter},
		{smb2.ErrBadName, smb2.StatusObjectNameInvalid},
		{smbauth.ErrLogonFailure, smb2.StatusLogonFailure},
		{&smbauth.LogonError{Reason: smbauth.WrongPassword}, smb2.StatusLogonFailure},
		{smbauth.ErrIntegrity, smb2.StatusLogonFailure},
		{smbauth.ErrMalformedToken, smb2.StatusSecInvalidToken},
		{smbauth.ErrNoMechanism, smb2.StatusInvalidParameter},
		{referral.ErrDomainReferral, smb2.StatusInvalidParameter},
		{referral.ErrDCReferral, smb2.StatusInvalidParameter},
		{referral.ErrNotFound, smb2.StatusNotFound},
		{referral.ErrUnavailable, smb2.StatusDFSUnavailable},
		{referral.ErrMalformedPath, smb2.StatusInvalidParameter},
		{dfsc.ErrMalformed, smb2.StatusInvalidParameter},
		{dfsc.ErrIllegalCharacter, smb2.StatusIllegalCharacter},
		{dfsc.ErrBufferOverflow, smb2.StatusBufferOverflow},
		{errors.New("what nobody foresaw"), smb2.StatusInternalError},
	}
	for _, tt := range tests {
		if got := statusOf(tt.err); got != tt.want {
			t.Errorf("statusOf(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}

// TestReferralStatuses: the rows of [MS-DFSC] 3.2.5 and [MS-SMB2] 3.3.5.15.2 for
// a server that is no domain controller, as a client sees them.
func TestReferralStatuses(t *testing.T) {
	extended := func(path, site string) smb2.IoctlRequest {
		q := referralRequest("", 4, 8192)
		q.CtlCode = dfsc.FSCTLGetReferralsEx
		q.Input = dfsc.Request{MaxLevel: 4, Path: path, Site: site, HasSite: site != ""}.AppendEx(nil)
		return q
	}
	with := func(change func(*smb2.IoctlRequest)) smb2.IoctlRequest {
		q := referralRequest(`\fs1\public\docs\projects`, 4, 8192)
		change(&q)
		return q
	}
	tests := []struct {
		name    string
		q       smb2.IoctlRequest
		want    smb2.Status
		entries int
	}{
		{name: "root", q: referralRequest(`\fs1\public`, 4, 8192), entries: 1},
		{name: "root by address", q: referralRequest(`\127.0.0.1\PUBLIC`, 3, 8192), entries: 1},
		{name: "link", q: referralRequest(`\fs1\public\docs\projects`, 4, 8192), entries: 2},
		{name: "below a link", q: referralRequest(`\fs1\public\docs\projects\a\b`, 3, 8192), entries: 2},
		{name: "no link on the way", q: referralRequest(`\fs1\public\docs\none`, 4, 8192), entries: 1},
		{name: "interlink", q: referralRequest(`\fs1\public\other`, 4, 8192), entries: 1},
		{name: "level 1", q: referralRequest(`\fs1\public\docs\projects`, 1, 8192), entries: 2},
		{name: "level 2", q: referralRequest(`\fs1\public\docs\projects`, 2, 8192), entries: 2},
		{name: "level beyond", q: referralRequest(`\fs1\public\docs\projects`, 9, 8192), entries: 2},
		{name: "all targets filtered", q: referralRequest(`\fs1\public\closed`, 4, 8192), entries: 0},
		{name: "extended with a site", q: extended(`\fs1\public\docs\projects`, "London"), entries: 2},
		{name: "extended without", q: extended(`\fs1\public\docs\projects`, ""), entries: 2},
		{name: "room for one target", q: referralRequest(`\fs1\public\docs\projects`, 4, 220), entries: 1},
		{name: "room for none", q: referralRequest(`\fs1\public\docs\projects`, 4, 60), want: smb2.StatusBufferOverflow},
		{name: "domain", q: referralRequest(``, 4, 8192), want: smb2.StatusInvalidParameter},
		{name: "domain controller", q: referralRequest(`\example.com`, 4, 8192), want: smb2.StatusInvalidParameter},
		{name: "SYSVOL", q: referralRequest(`\fs1\SYSVOL`, 4, 8192), want: smb2.StatusNotFound},
		{name: "no such namespace", q: referralRequest(`\fs1\none`, 4, 8192), want: smb2.StatusNotFound},
		{name: "no such namespace, deep", q: referralRequest(`\fs1\none\a\b`, 4, 8192), want: smb2.StatusNotFound},
		{name: "file id", q: with(func(q *smb2.IoctlRequest) { q.FileID.Volatile-- }), want: smb2.StatusInvalidParameter},
		{name: "no FSCTL", q: with(func(q *smb2.IoctlRequest) { q.Flags = 0 }), want: smb2.StatusNotSupported},
		{name: "too short", q: with(func(q *smb2.IoctlRequest) { q.Input = q.Input[:2] }), want: smb2.StatusInvalidParameter},
		{name: "bad UTF-16", q: with(func(q *smb2.IoctlRequest) { q.Input[4], q.Input[5] = 0, 0xD8 }), want: smb2.StatusIllegalCharacter},
		{name: "extended with a length that lies", q: func() smb2.IoctlRequest {
			q := extended(`\fs1\public`, "London")
			q.Input[8] = 0xFF
			return q
		}(), want: smb2.StatusInvalidParameter},
		{name: "more than was agreed", q: with(func(q *smb2.IoctlRequest) { q.MaxOutputResponse = 2 << 20 }), want: smb2.StatusInvalidParameter},
		{name: "more than was paid for", q: with(func(q *smb2.IoctlRequest) { q.MaxOutputResponse = 65537 }), want: smb2.StatusInvalidParameter},
		{name: "64 KiB", q: with(func(q *smb2.IoctlRequest) { q.MaxOutputResponse = 65536 }), entries: 2},
	}
	h := listen(t, testOptions(t))
	for _, share := range []string{"IPC$", "public"} {
		c := h.logon(t, share)
		for _, tt := range tests {
			t.Run(share+" "+tt.name, func(t *testing.T) {
				c.t = t
				r := c.one(ioctlOp(tt.q))
				c.want(r, tt.want)
				if tt.want != smb2.StatusSuccess {
					checkErrorBody(t, r)
					return
				}
				p, err := smb2.ParseIoctlResponse(r.msg)
				c.must(err)
				if p.FileID != smb2.AnyFileID || p.CtlCode != tt.q.CtlCode || len(p.Output) > int(tt.q.MaxOutputResponse) {
					t.Errorf("answer to code %#x, file %v, %d bytes of %d", p.CtlCode, p.FileID, len(p.Output), tt.q.MaxOutputResponse)
				}
				answer, err := dfsc.ParseResponse(p.Output)
				c.must(err)
				if len(answer.Entries) != tt.entries {
					t.Errorf("%d entries, want %d", len(answer.Entries), tt.entries)
				}
			})
		}
	}
}

// checkErrorBody checks that r has the body of an error and no data.
func checkErrorBody(t *testing.T, r response) {
	t.Helper()
	p, err := smb2.ParseErrorResponse(r.msg)
	if err != nil || len(p.Data) != 0 || len(p.Contexts) != 0 || len(r.msg) != smb2.HeaderSize+9 {
		t.Errorf("error body = %+v, %v, message of %d bytes", p, err, len(r.msg))
	}
}

func TestNoNamespaces(t *testing.T) {
	o := testOptions(t)
	o.Refer = nil
	h := listen(t, o)
	c := h.logon(t, "IPC$")
	c.want(c.one(ioctlOp(referralRequest(`\fs1\public`, 4, 4096))), smb2.StatusFSDriverRequired)
	c.want(c.one(ioctlOp(smb2.IoctlRequest{CtlCode: dfsc.FSCTLGetReferrals, FileID: smb2.AnyFileID, Flags: 1, MaxOutputResponse: 100})), smb2.StatusFSDriverRequired)
}

func TestUnavailableNamespace(t *testing.T) {
	o := testOptions(t)
	o.Refer = func(referral.Request, *referral.Referral) error {
		return fmt.Errorf("loading: %w", referral.ErrUnavailable)
	}
	h := listen(t, o)
	c := h.logon(t, "IPC$")
	c.want(c.one(ioctlOp(referralRequest(`\fs1\public`, 4, 4096))), smb2.StatusDFSUnavailable)
}

func TestOtherControlCodes(t *testing.T) {
	h := listen(t, testOptions(t))
	c := h.logon(t, "public")
	id := c.open("docs")
	tests := []struct {
		code uint32
		file smb2.FileID
		want smb2.Status
	}{
		{smb2.FSCTLQueryNetworkInterfaceInfo, smb2.AnyFileID, smb2.StatusNotSupported},
		{smb2.FSCTLPipeWait, smb2.AnyFileID, smb2.StatusNotSupported},
		{smb2.FSCTLPipeTransceive, smb2.AnyFileID, smb2.StatusFileClosed},
		{smb2.FSCTLPipeTransceive, id, smb2.StatusInvalidDeviceRequest},
		{smb2.FSCTLGetReparsePoint, id, smb2.StatusNotAReparsePoint},
		{0x00999998, smb2.AnyFileID, smb2.StatusFileClosed},
	}
	for _, tt := range tests {
		r := c.one(ioctlOp(smb2.IoctlRequest{CtlCode: tt.code, FileID: tt.file, Flags: smb2.IoctlIsFSCTL, MaxOutputResponse: 4096}))
		if r.Status != tt.want {
			t.Errorf("control code %#x on %v: %v, want %v", tt.code, tt.file, r.Status, tt.want)
		}
	}
}

func TestReferralLogLine(t *testing.T) {
	o := testOptions(t)
	lines := observeLog(&o)
	h := listen(t, o)
	c := h.logon(t, "IPC$")
	c.referral(`\fs1\public\docs\projects\deep`)
	c.want(c.one(ioctlOp(referralRequest(`\fs1\none`, 3, 4096))), smb2.StatusNotFound)
	got := lines.FilterMessage("referral").All()
	if len(got) != 2 {
		t.Fatalf("%d lines for two referrals", len(got))
	}
	want := map[string]any{
		"client": "127.0.0.1", "path": `\fs1\public\docs\projects\deep`, "level": uint16(4), "site": "NewYork", "namespace": "public",
		"folder": `docs\projects`, "targets": int64(2), "first_target": `\\10.1.0.1\projects`, "status": "STATUS_SUCCESS",
	}
	fields := got[0].ContextMap()
	for key, value := range want {
		if fields[key] != value {
			t.Errorf("%s = %#v, want %#v", key, fields[key], value)
		}
	}
	if _, ok := fields["duration"]; !ok {
		t.Error("no duration")
	}
	if status := got[1].ContextMap()["status"]; status != "STATUS_NOT_FOUND" {
		t.Errorf("status of the second line = %v", status)
	}
	for _, line := range lines.All() {
		if strings.Contains(fmt.Sprint(line.ContextMap()), testPassword) {
			t.Errorf("the password is in %v", line)
		}
	}
}
