//go:build integration

package smbclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"dfsd/internal/lab/servers"
	"dfsd/internal/smb2"
	"dfsd/referral/dfsc"
)

// The servers of TestSamba.
const (
	plainSamba  = "10.9.0.1" // as Debian configures it
	strictSamba = "10.9.0.2" // demands signatures
	sealedSamba = "10.9.0.3" // demands encryption
	openSamba   = "10.9.0.4" // lets unknown users in as guests
	oldSamba    = "10.9.0.5" // knows no dialect from 3.0 on
	clientAddr  = "10.9.0.9"
)

// TestSamba is this client against a real server.
func TestSamba(t *testing.T) {
	if !servers.InNamespaces(t) {
		return
	}
	servers.AddAddress(t, netip.MustParseAddr(clientAddr))
	startSamba(t, plainSamba, "map to guest = never")
	startSamba(t, strictSamba, "server signing = mandatory")
	startSamba(t, sealedSamba, "smb encrypt = required")
	startSamba(t, openSamba, "map to guest = bad user")
	startSamba(t, oldSamba, "server max protocol = SMB2_10")
	t.Run("dialects", testSambaDialects)
	t.Run("algorithms", testSambaAlgorithms)
	t.Run("demands", testSambaDemands)
	t.Run("identities", testSambaIdentities)
	t.Run("referrals", testSambaReferrals)
	t.Run("files", testSambaFiles)
	t.Run("downgrade", testSambaDowngrade)
	t.Run("load", testSambaLoad)
}

func asRoot(change func(*Options)) Options {
	o := Options{Credentials: sambaUser}
	if change != nil {
		change(&o)
	}
	return o
}

// dialSamba logs on, and logs off when the test ends.
func dialSamba(t *testing.T, addr string, o Options) *Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := Dial(ctx, addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func connect(t *testing.T, c *Conn, unc string) *Tree {
	t.Helper()
	tree, err := c.TreeConnect(t.Context(), unc)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// checkReferral asks for the root of the namespace, as a sign of a session
// that works.
func checkReferral(t *testing.T, c *Conn, addr string) {
	t.Helper()
	ipc := connect(t, c, `\\`+addr+`\IPC$`)
	path := `\` + addr + `\dfs`
	b, err := c.Referral(t.Context(), ipc, path, 3, 8192)
	if err != nil {
		t.Fatal(err)
	}
	r, err := dfsc.ParseResponse(b)
	if err != nil || len(r.Entries) != 1 || r.Entries[0].Target != path {
		t.Errorf("referral of %s = %+v, %v", path, r, err)
	}
	for _, err := range []error{c.Echo(t.Context()), ipc.Disconnect(t.Context()), c.Logoff(t.Context())} {
		if err != nil {
			t.Error(err)
		}
	}
}

func testSambaDialects(t *testing.T) {
	for _, d := range knownDialects {
		for _, prot := range protections {
			for _, raw := range []bool{false, true} {
				o := asRoot(func(o *Options) { prot.change(o); o.Dialects, o.RawNTLM = []smb2.Dialect{d}, raw })
				if o.Validate() != nil {
					continue // no encryption in this dialect
				}
				t.Run(fmt.Sprintf("%v/%s/raw=%v", d, prot.name, raw), func(t *testing.T) {
					c := dialSamba(t, plainSamba, o)
					if got := c.Negotiated().Dialect; got != d {
						t.Errorf("dialect %v, want %v", got, d)
					}
					checkReferral(t, c, plainSamba)
				})
			}
		}
	}
}

func testSambaAlgorithms(t *testing.T) {
	for _, alg := range []smb2.SigningAlgorithm{smb2.SigningHMACSHA256, smb2.SigningAESCMAC, smb2.SigningAESGMAC} {
		t.Run(alg.String(), func(t *testing.T) {
			c := dialSamba(t, plainSamba, asRoot(func(o *Options) { o.SigningRequired, o.Signing = true, []smb2.SigningAlgorithm{alg} }))
			if got := c.Negotiated().Signing; got != alg {
				t.Errorf("signing %v, want %v", got, alg)
			}
			checkReferral(t, c, plainSamba)
		})
	}
	for _, cipher := range []smb2.Cipher{smb2.CipherAES128CCM, smb2.CipherAES128GCM, smb2.CipherAES256CCM, smb2.CipherAES256GCM} {
		t.Run(cipher.String(), func(t *testing.T) {
			c := dialSamba(t, plainSamba, asRoot(func(o *Options) { o.Encrypt, o.Ciphers = true, []smb2.Cipher{cipher} }))
			if got := c.Negotiated().Cipher; got != cipher {
				t.Errorf("cipher %v, want %v", got, cipher)
			}
			checkReferral(t, c, plainSamba)
		})
	}
}

// testSambaDemands is a client without demands at servers that have some.
func testSambaDemands(t *testing.T) {
	for _, d := range knownDialects {
		t.Run(fmt.Sprintf("signing/%v", d), func(t *testing.T) {
			checkReferral(t, dialSamba(t, strictSamba, asRoot(func(o *Options) { o.Dialects = []smb2.Dialect{d} })), strictSamba)
		})
		if d.Is3x() {
			t.Run(fmt.Sprintf("encryption/%v", d), func(t *testing.T) {
				c := dialSamba(t, sealedSamba, asRoot(func(o *Options) { o.Dialects = []smb2.Dialect{d} }))
				if !c.session.mustSeal {
					t.Error("the session is in clear")
				}
				checkReferral(t, c, sealedSamba)
			})
			t.Run(fmt.Sprintf("encrypted share/%v", d), func(t *testing.T) {
				c := dialSamba(t, plainSamba, asRoot(func(o *Options) { o.Dialects = []smb2.Dialect{d} }))
				tree := connect(t, c, `\\`+plainSamba+`\sealed`)
				if !c.sealed[tree.ID()] {
					t.Error("the share is in clear")
				}
				if _, err := tree.Create(t.Context(), 0, openFolder("sub")); err != nil {
					t.Error(err)
				}
				checkReferral(t, c, plainSamba)
			})
		}
	}
}

func testSambaIdentities(t *testing.T) {
	ctx := t.Context()
	if _, err := Dial(ctx, plainSamba, Options{Credentials: Credentials{User: "root", Password: "wrong"}}); !errors.Is(err, smb2.StatusLogonFailure) {
		t.Errorf("wrong password: %v, want STATUS_LOGON_FAILURE", err)
	}
	if _, err := Dial(ctx, openSamba, Options{Credentials: Credentials{User: "mallory", Password: "x"}}); !errors.Is(err, ErrGuest) {
		t.Errorf("unknown user: %v, want ErrGuest", err)
	}
	for _, raw := range []bool{false, true} {
		guest := dialSamba(t, openSamba, Options{Credentials: Credentials{User: "mallory", Password: "x"}, AllowGuest: true, RawNTLM: raw})
		if guest.SessionFlags()&smb2.SessionGuest == 0 {
			t.Errorf("raw=%v: guest's flags %#x", raw, guest.SessionFlags())
		}
		anonymous := dialSamba(t, plainSamba, Options{RawNTLM: raw})
		connect(t, anonymous, `\\`+plainSamba+`\IPC$`)
		if err := anonymous.Logoff(ctx); err != nil {
			t.Error(err)
		}
	}
	here := netip.MustParseAddr(clientAddr)
	c := dialSamba(t, plainSamba, asRoot(func(o *Options) { o.SourceAddr = here }))
	if got := c.NetConn().LocalAddr().String(); !strings.HasPrefix(got, here.String()+":") {
		t.Errorf("connected from %s, want %s", got, here)
	}
}

// testSambaReferrals asks at every level. Samba knows versions 2 and 3.
func testSambaReferrals(t *testing.T) {
	c := dialSamba(t, plainSamba, asRoot(nil))
	ipc := connect(t, c, `\\`+plainSamba+`\IPC$`)
	root := `\` + plainSamba + `\dfs`
	for level := uint16(1); level <= 4; level++ {
		tests := []struct {
			path    string
			targets []string
			flags   dfsc.HeaderFlags
			status  smb2.Status
		}{
			{path: root, targets: []string{root}, flags: dfsc.ReferralServers | dfsc.StorageServers},
			{path: root + `\link1`, targets: []string{`\10.0.0.1\target`}, flags: dfsc.StorageServers},
			{path: root + `\link2\a\b`, targets: []string{`\10.0.0.1\nosuch`, `\10.0.0.2\target`}, flags: dfsc.StorageServers},
			{path: root + `\none`, status: smb2.StatusObjectPathNotFound},
			{path: `\` + plainSamba + `\target`, status: smb2.StatusNotFound},
			{path: `\` + plainSamba, status: smb2.StatusNotFound},
			{path: "", status: smb2.StatusNotFound},
		}
		for _, tt := range tests {
			t.Run(fmt.Sprintf("level %d of %q", level, tt.path), func(t *testing.T) {
				b, err := c.Referral(t.Context(), ipc, tt.path, level, 8192)
				if tt.status != 0 {
					if !errors.Is(err, tt.status) {
						t.Errorf("Referral: %v, want %v", err, tt.status)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				checkEntries(t, b, max(2, min(level, 3)), tt.flags, tt.targets)
			})
		}
	}
	if out, err := c.ReferralEx(t.Context(), ipc, root, "Lyon", 4, 8192); err == nil {
		t.Errorf("ReferralEx = %x, want an error: Samba does not know it", out)
	}
	if err := c.Echo(t.Context()); err != nil {
		t.Error(err)
	}
}

func checkEntries(t *testing.T, b []byte, version uint16, flags dfsc.HeaderFlags, targets []string) {
	t.Helper()
	r, err := dfsc.ParseResponse(b)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range r.Entries {
		got = append(got, e.Target)
		if e.Version != version {
			t.Errorf("entry of version %d, want %d", e.Version, version)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(targets) || r.Flags != flags {
		t.Errorf("targets %q with flags %#x, want %q with %#x", got, r.Flags, targets, flags)
	}
}

func openFolder(name string) smb2.CreateRequest {
	return smb2.CreateRequest{
		Impersonation: smb2.ImpersonationImpersonation, DesiredAccess: smb2.AccessListDirectory | smb2.AccessReadAttributes,
		ShareAccess: smb2.ShareRead | smb2.ShareWrite | smb2.ShareDelete, Disposition: smb2.DispositionOpen,
		Options: smb2.OptionDirectoryFile, Name: name,
	}
}

// testSambaFiles lists a namespace and meets a link.
func testSambaFiles(t *testing.T) {
	ctx := t.Context()
	c := dialSamba(t, plainSamba, asRoot(func(o *Options) { o.SigningRequired = true }))
	tree := connect(t, c, `\\`+plainSamba+`\dfs`)
	if tree.Info().Capabilities&smb2.ShareCapDFS == 0 {
		t.Errorf("share %+v is no namespace", tree.Info())
	}
	f, err := tree.Create(ctx, smb2.FlagDFS, openFolder(plainSamba+`\dfs`))
	if err != nil {
		t.Fatal(err)
	}
	const idBoth, allInformation = 0x25, 18
	listing, err := tree.QueryDirectory(ctx, smb2.QueryDirectoryRequest{Class: idBoth, FileID: f.FileID, Pattern: "*", OutputLength: 1 << 20})
	if err != nil || !bytes.Contains(listing, utf16le("folder")) || !bytes.Contains(listing, utf16le("link1")) {
		t.Errorf("QueryDirectory = %q, %v, want folder and link1", listing, err)
	}
	if _, err := tree.QueryDirectory(ctx, smb2.QueryDirectoryRequest{Class: idBoth, FileID: f.FileID, Pattern: "*", OutputLength: 65536}); !errors.Is(err, smb2.StatusNoMoreFiles) {
		t.Errorf("QueryDirectory at the end: %v, want STATUS_NO_MORE_FILES", err)
	}
	if out, err := tree.QueryInfo(ctx, smb2.QueryInfoRequest{Type: smb2.InfoFile, Class: allInformation, FileID: f.FileID, OutputLength: 4096}); err != nil || len(out) < 100 {
		t.Errorf("QueryInfo = %x, %v", out, err)
	}
	if err := tree.Close(ctx, f.FileID); err != nil {
		t.Error(err)
	}
	if err := tree.Close(ctx, f.FileID); !errors.Is(err, smb2.StatusFileClosed) {
		t.Errorf("Close again: %v, want STATUS_FILE_CLOSED", err)
	}
	for _, name := range []string{`\dfs\link1`, `\dfs\link2\sub`} {
		if _, err := tree.Create(ctx, smb2.FlagDFS, openFolder(plainSamba+name)); !errors.Is(err, smb2.StatusPathNotCovered) {
			t.Errorf("Create of %s: %v, want STATUS_PATH_NOT_COVERED", name, err)
		}
	}
	if _, err := c.TreeConnect(ctx, `\\`+plainSamba+`\none`); !errors.Is(err, smb2.StatusBadNetworkName) {
		t.Errorf("TreeConnect: %v, want STATUS_BAD_NETWORK_NAME", err)
	}
}

// testSambaDowngrade talks to a server that has nothing to hide, and through a
// man in the middle who has.
func testSambaDowngrade(t *testing.T) {
	c := dialSamba(t, oldSamba, asRoot(nil))
	if got := c.Negotiated().Dialect; got != smb2.Dialect210 {
		t.Errorf("dialect %v, want 2.1", got)
	}
	checkReferral(t, c, oldSamba)
	// He takes the dialects from 3.0 on out of the offer.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := new(stripper).dial(ctx, plainSamba, asRoot(func(o *Options) { o.Dialects = knownDialects[:4] }))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.Negotiated().Dialect; got != smb2.Dialect210 {
		t.Fatalf("dialect %v, want 2.1: the middle does nothing", got)
	}
	if _, err := c.TreeConnect(ctx, `\\`+plainSamba+`\IPC$`); !errors.Is(err, ErrDowngrade) {
		t.Errorf("TreeConnect: %v, want ErrDowngrade", err)
	}
}

// testSambaLoad has many referrals under way.
func testSambaLoad(t *testing.T) {
	const total = 2000
	c := dialSamba(t, plainSamba, asRoot(func(o *Options) { o.SigningRequired = true }))
	ipc := connect(t, c, `\\`+plainSamba+`\IPC$`)
	body := ReferralRequest(dfsc.Request{MaxLevel: 3, Path: `\` + plainSamba + `\dfs\link2`}, 8192)
	began, sent := time.Now(), 0
	for received := 0; received < total; {
		if sent < total {
			_, err := c.Send(t.Context(), smb2.Header{Command: smb2.CommandIoctl, TreeID: ipc.ID()}, body)
			if err == nil {
				sent++
				continue
			}
			if !errors.Is(err, ErrNoCredits) {
				t.Fatal(err)
			}
		}
		h, _, err := c.Receive(t.Context())
		if err != nil || h.Status != smb2.StatusSuccess {
			t.Fatalf("answer %d: %v, %v", received, h.Status, err)
		}
		received++
	}
	t.Logf("%d referrals in %v, %d credits", total, time.Since(began).Round(time.Millisecond), c.Credits())
}

func utf16le(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}
