package smbclient

import (
	"errors"
	"fmt"
	"testing"

	"dfsd/internal/smb2"
)

// touchAll opens and closes names at once, and returns what became of each.
func touchAll(t *testing.T, c *Conn, tree *Tree, names ...string) (map[string]error, error) {
	t.Helper()
	due := map[uint64]string{}
	for _, name := range names {
		id, err := tree.SendTouch(t.Context(), smb2.CreateRequest{Disposition: smb2.DispositionOpen, Name: name})
		if err != nil {
			return nil, err
		}
		due[id] = name
	}
	got := map[string]error{}
	for c.Due() > 0 {
		h, msg, err := c.Receive(t.Context())
		if err != nil {
			return got, err
		}
		err = c.AcceptTouch(t.Context(), h, msg)
		var status *StatusError
		if err != nil && !errors.As(err, &status) {
			return got, err
		}
		if name, ok := due[h.MessageID]; ok {
			got[name] = err
		}
	}
	return got, nil
}

// TestTouch sends compounds in every dialect and protection, to servers that
// answer in compounds and to those that do not.
func TestTouch(t *testing.T) {
	for _, d := range knownDialects {
		for _, prot := range protections {
			for _, linked := range []bool{false, true} {
				o := asAlice(func(o *Options) { prot.change(o); o.Dialects = []smb2.Dialect{d} })
				if o.Validate() != nil {
					continue // no encryption in this dialect
				}
				t.Run(fmt.Sprintf("%v/%s/linked=%v", d, prot.name, linked), func(t *testing.T) {
					p := newPeer()
					p.tcp, p.linked = true, linked
					p.handle = func(h smb2.Header, msg []byte) (smb2.Status, smb2.Body) {
						if q, err := smb2.ParseCreateRequest(msg); h.Command == smb2.CommandCreate && err == nil && q.Name == "gone" {
							return smb2.StatusObjectNameNotFound, smb2.ErrorResponse{}
						}
						return 0, nil
					}
					c := p.mustDial(t, o)
					tree, err := c.TreeConnect(t.Context(), `\\peer\dfs`)
					if err != nil {
						t.Fatal(err)
					}
					before := c.Credits()
					got, err := touchAll(t, c, tree, "a", "gone", "", `b\c`)
					if err != nil {
						t.Fatal(err)
					}
					for name, err := range got {
						if missing := errors.Is(err, smb2.StatusObjectNameNotFound); missing != (name == "gone") || !missing && err != nil {
							t.Errorf("touch %q: %v", name, err)
						}
					}
					if len(got) != 4 || c.Credits() < before {
						t.Errorf("%d answers, %d credits, had %d", len(got), c.Credits(), before)
					}
					if err := c.Echo(t.Context()); err != nil {
						t.Errorf("the connection does not go on: %v", err)
					}
					checkTouches(t, p.requests, prot.name)
				})
			}
		}
	}
}

// checkTouches checks the headers of four compounds, as the server saw them.
func checkTouches(t *testing.T, requests []received, protection string) {
	t.Helper()
	touches := 0
	for i, r := range requests {
		if r.Command != smb2.CommandCreate {
			continue
		}
		touches++
		next := requests[i+1]
		switch {
		case next.Command != smb2.CommandClose || !next.Flags.Has(smb2.FlagRelated) || next.MessageID != r.MessageID+1:
			t.Errorf("CREATE %d is followed by %+v", r.MessageID, next.Header)
		case r.NextCommand == 0 || next.NextCommand != 0 || r.Flags.Has(smb2.FlagRelated):
			t.Errorf("compound of %+v and %+v", r.Header, next.Header)
		case r.sealed != next.sealed || r.Flags.Has(smb2.FlagSigned) != next.Flags.Has(smb2.FlagSigned):
			t.Errorf("halves of a compound are protected differently (%s)", protection)
		}
	}
	if touches != 4 {
		t.Errorf("%d compounds, want 4", touches)
	}
}

// TestHostileTouch answers compounds as no server may.
func TestHostileTouch(t *testing.T) {
	sign := func(o *Options) { o.SigningRequired = true }
	create := func(change func(*answer)) func(*answer) { return on(smb2.CommandCreate, 0, change) }
	closing := func(change func(*answer)) func(*answer) { return on(smb2.CommandClose, 0, change) }
	for _, tt := range []struct {
		name   string
		change func(*answer)
		want   error
	}{
		{"first half forged", create(func(a *answer) { a.forge = true; a.link = false }), ErrSignature},
		{"first half unsigned", create(func(a *answer) { a.sign = false }), ErrSignature},
		{"second half unsigned", closing(func(a *answer) { a.sign = false }), ErrSignature},
		{"the last one goes on", closing(func(a *answer) { a.header.NextCommand = 64 }), ErrProtocol},
		{"next past the end", create(func(a *answer) { a.link = false; a.header.NextCommand = 1 << 20 }), ErrProtocol},
		{"next at itself", create(func(a *answer) { a.link = false; a.header.NextCommand = 8 }), ErrProtocol},
		{"next is no message", create(func(a *answer) { a.link = false; a.header.NextCommand = 80 }), ErrProtocol},
		{"CREATE answered by CLOSE", create(func(a *answer) { a.header.Command = smb2.CommandClose }), ErrProtocol},
		{"the first half twice", closing(func(a *answer) { a.header.MessageID-- }), ErrProtocol},
		{"CREATE cut short", create(func(a *answer) { a.cut = 40 }), ErrProtocol},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeer()
			p.tcp, p.linked, p.change = true, true, tt.change
			c := p.mustDial(t, asAlice(sign))
			tree, err := c.TreeConnect(t.Context(), `\\peer\dfs`)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := touchAll(t, c, tree, "a"); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if err := c.Echo(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("the connection goes on: %v", err)
			}
		})
	}
}

// TestCompoundNobodyAskedFor has a server put two answers to single requests
// into one frame.
func TestCompoundNobodyAskedFor(t *testing.T) {
	p := newPeer()
	p.tcp = true
	p.change = on(smb2.CommandEcho, 0, func(a *answer) {
		second := a.header
		second.MessageID++
		a.frame = smb2.LinkNext(smb2.AppendMessage(nil, a.header, a.body), 0)
		a.frame = append(a.frame, smb2.AppendMessage(nil, second, a.body)...)
	})
	c := p.mustDial(t, asAlice(nil))
	for range 2 {
		if _, err := c.Send(t.Context(), smb2.Header{Command: smb2.CommandEcho}, smb2.EchoRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := c.Receive(t.Context()); !errors.Is(err, ErrProtocol) {
		t.Errorf("error %v, want %v", err, ErrProtocol)
	}
}

// TestTouchNeedsCredits has a server that grants too little.
func TestTouchNeedsCredits(t *testing.T) {
	p := newPeer()
	p.tcp, p.grant = true, 1
	c := p.mustDial(t, asAlice(nil))
	tree, err := c.TreeConnect(t.Context(), `\\peer\dfs`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.SendTouch(t.Context(), smb2.CreateRequest{}); !errors.Is(err, ErrNoCredits) {
		t.Errorf("error %v, want %v", err, ErrNoCredits)
	}
	if err := c.Echo(t.Context()); err != nil {
		t.Errorf("the connection does not go on: %v", err)
	}
}

// TestSendTreeConnect asks for several shares at once.
func TestSendTreeConnect(t *testing.T) {
	p := newPeer()
	p.tcp, p.share = true, smb2.ShareFlagEncryptData
	p.change = on(smb2.CommandTreeConnect, 1, func(a *answer) { a.header.Status, a.body = smb2.StatusBadNetworkName, smb2.ErrorResponse{} })
	c := p.mustDial(t, asAlice(nil))
	for _, name := range []string{"a", "gone"} {
		if _, err := c.SendTreeConnect(t.Context(), `\\peer\`+name); err != nil {
			t.Fatal(err)
		}
	}
	var trees []*Tree
	var errs []error
	for c.Due() > 0 {
		h, msg, err := c.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tree, err := c.AcceptTree(t.Context(), h, msg)
		trees, errs = append(trees, tree), append(errs, err)
	}
	if errs[0] != nil || trees[0].ID() != testTree || !errors.Is(errs[1], smb2.StatusBadNetworkName) {
		t.Fatalf("trees %v, errors %v", trees, errs)
	}
	if _, err := touchAll(t, c, trees[0], "a"); err != nil {
		t.Fatal(err)
	}
	if r := p.requests[len(p.requests)-1]; r.Command != smb2.CommandClose || !r.sealed {
		t.Errorf("last request %+v: the share demands encryption", r)
	}
}
