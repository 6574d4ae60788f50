package smbd

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dfsd/internal/smb2"
)

// ops that chains are made of; related ones leave their ids to the one before.
func createOp(name string) operation {
	return operation{header: smb2.Header{Command: smb2.CommandCreate, Credits: 1}, body: openRequest(name)}
}

func closeOp(id smb2.FileID) operation {
	return operation{header: smb2.Header{Command: smb2.CommandClose, Credits: 1}, body: smb2.CloseRequest{FileID: id}}
}

func queryOp(class uint8) operation {
	q := smb2.QueryInfoRequest{Type: smb2.InfoFile, Class: class, OutputLength: 4096, FileID: smb2.AnyFileID}
	return operation{header: smb2.Header{Command: smb2.CommandQueryInfo, Credits: 1}, body: q}
}

func listOp() operation {
	q := smb2.QueryDirectoryRequest{Class: 0x25, FileID: smb2.AnyFileID, Pattern: "*", OutputLength: 4096}
	return operation{header: smb2.Header{Command: smb2.CommandQueryDirectory, Credits: 1}, body: q}
}

func treeOp(share string) operation {
	return operation{header: smb2.Header{Command: smb2.CommandTreeConnect, Credits: 1}, body: smb2.TreeConnectRequest{Path: `\\fs1\` + share}}
}

func untreeOp() operation {
	return operation{header: smb2.Header{Command: smb2.CommandTreeDisconnect, Credits: 1}, body: smb2.TreeDisconnectRequest{}}
}

func logoffOp() operation {
	return operation{header: smb2.Header{Command: smb2.CommandLogoff, Credits: 1}, body: smb2.LogoffRequest{}}
}

func notifyOp() operation {
	q := smb2.ChangeNotifyRequest{OutputLength: 4096, FileID: smb2.AnyFileID, Filter: 0x17}
	return operation{header: smb2.Header{Command: smb2.CommandChangeNotify, Credits: 1}, body: q}
}

// related marks all but the first of ops.
func related(ops ...operation) []operation {
	for i := range ops[1:] {
		ops[i+1] = relate(ops[i+1])
	}
	return ops
}

// relate makes op related, with ids that only a server which ignores the flag
// would look at.
func relate(op operation) operation {
	op.header.Flags |= smb2.FlagRelated
	op.header.SessionID, op.header.TreeID = ^uint64(0), ^uint32(0)
	return op
}

// marked has the flag of a related operation, but ids of its own.
func marked(op operation) operation {
	op.header.Flags |= smb2.FlagRelated
	return op
}

func TestCompounds(t *testing.T) {
	const (
		fileAll   = 18
		noClass   = 200
		ok        = smb2.StatusSuccess
		elsewhere = smb2.StatusPathNotCovered
	)
	bad := func(op operation) operation { op.forged = true; return op }
	tests := []struct {
		name string
		ops  []operation
		want []smb2.Status
	}{
		{"open, ask, close", related(createOp("docs"), queryOp(fileAll), closeOp(smb2.AnyFileID)), []smb2.Status{ok, ok, ok}},
		{"open a link", related(createOp(`docs\projects`), queryOp(fileAll), closeOp(smb2.AnyFileID)), []smb2.Status{elsewhere, elsewhere, elsewhere}},
		{
			"open nothing", related(createOp(`none`), queryOp(fileAll), closeOp(smb2.AnyFileID)),
			[]smb2.Status{smb2.StatusObjectNameNotFound, smb2.StatusObjectNameNotFound, smb2.StatusObjectNameNotFound},
		},
		{"a question that fails", related(createOp("docs"), queryOp(noClass), closeOp(smb2.AnyFileID)), []smb2.Status{ok, smb2.StatusInvalidInfoClass, ok}},
		{"list twice", related(createOp(""), listOp(), listOp(), closeOp(smb2.AnyFileID)), []smb2.Status{ok, ok, smb2.StatusNoMoreFiles, ok}},
		{"use after close", related(createOp("docs"), closeOp(smb2.AnyFileID), queryOp(fileAll)), []smb2.Status{ok, ok, smb2.StatusFileClosed}},
		{"close twice", related(createOp("docs"), closeOp(smb2.AnyFileID), closeOp(smb2.AnyFileID)), []smb2.Status{ok, ok, smb2.StatusFileClosed}},
		{"file of a wrong id", related(closeOp(smb2.FileID{Volatile: 5}), queryOp(fileAll)), []smb2.Status{smb2.StatusFileClosed, smb2.StatusFileClosed}},
		{"no file at all", related(echoOp(), queryOp(fileAll)), []smb2.Status{ok, smb2.StatusInvalidParameter}},
		{"no file after a tree connect", related(treeOp("public"), queryOp(fileAll)), []smb2.Status{ok, smb2.StatusInvalidHandle}},
		{"tree connect and open", related(treeOp("public"), createOp("docs"), closeOp(smb2.AnyFileID)), []smb2.Status{ok, ok, ok}},
		{
			"tree connect fails", related(treeOp("none"), createOp("docs"), closeOp(smb2.AnyFileID)),
			[]smb2.Status{smb2.StatusBadNetworkName, smb2.StatusInvalidParameter, smb2.StatusInvalidParameter},
		},
		{
			"use after tree disconnect", related(createOp("docs"), untreeOp(), closeOp(smb2.AnyFileID), createOp("docs")),
			[]smb2.Status{ok, ok, smb2.StatusNetworkNameDeleted, smb2.StatusNetworkNameDeleted},
		},
		{
			"open after tree disconnect", related(untreeOp(), createOp("docs"), closeOp(smb2.AnyFileID)),
			[]smb2.Status{ok, smb2.StatusNetworkNameDeleted, smb2.StatusNetworkNameDeleted},
		},
		{
			"use after logoff", related(createOp("docs"), logoffOp(), closeOp(smb2.AnyFileID), treeOp("public")),
			[]smb2.Status{ok, ok, smb2.StatusUserSessionDeleted, smb2.StatusUserSessionDeleted},
		},
		{"tree connect after logoff", related(logoffOp(), treeOp("public")), []smb2.Status{ok, smb2.StatusUserSessionDeleted}},
		{
			"first is related",
			[]operation{relate(createOp("docs")), relate(closeOp(smb2.AnyFileID)), relate(echoOp())},
			[]smb2.Status{smb2.StatusInvalidParameter, smb2.StatusInvalidParameter, ok},
		},
		{
			"first says it is related",
			[]operation{marked(createOp("docs")), relate(closeOp(smb2.AnyFileID)), closeOp(smb2.AnyFileID), relate(echoOp())},
			[]smb2.Status{smb2.StatusInvalidParameter, smb2.StatusInvalidParameter, smb2.StatusFileClosed, ok},
		},
		{
			"related becomes unrelated",
			[]operation{createOp("docs"), relate(queryOp(fileAll)), closeOp(smb2.AnyFileID), relate(queryOp(fileAll))},
			[]smb2.Status{ok, ok, smb2.StatusFileClosed, smb2.StatusFileClosed},
		},
		{
			"unrelated becomes related",
			[]operation{createOp("docs"), createOp("docs"), relate(closeOp(smb2.AnyFileID)), echoOp(), relate(queryOp(fileAll))},
			[]smb2.Status{ok, ok, ok, ok, smb2.StatusInvalidParameter},
		},
		{"unrelated", []operation{createOp("docs"), createOp("none"), echoOp()}, []smb2.Status{ok, smb2.StatusObjectNameNotFound, ok}},
		{"unrelated takes nothing over", []operation{createOp("docs"), closeOp(smb2.AnyFileID)}, []smb2.Status{ok, smb2.StatusFileClosed}},
		{"watch at the end", related(createOp("docs"), notifyOp()), []smb2.Status{ok, smb2.StatusPending}},
		{"watch in the middle", related(createOp("docs"), notifyOp(), closeOp(smb2.AnyFileID)), []smb2.Status{ok, smb2.StatusInternalError, ok}},
		{"wrong signature on one", related(createOp("docs"), bad(queryOp(fileAll)), closeOp(smb2.AnyFileID)), []smb2.Status{ok, smb2.StatusAccessDenied, ok}},
		{
			"wrong signature on the first", related(bad(createOp("docs")), queryOp(fileAll), closeOp(smb2.AnyFileID)),
			[]smb2.Status{smb2.StatusAccessDenied, smb2.StatusAccessDenied, smb2.StatusAccessDenied},
		},
		{
			"session set-up",
			[]operation{echoOp(), {header: smb2.Header{Command: smb2.CommandSessionSetup}, body: smb2.SessionSetupRequest{Token: []byte("x")}}},
			[]smb2.Status{ok, smb2.StatusInvalidParameter},
		},
		{"referral behind a failure", related(createOp("none"), ioctlOp(referralRequest(`\fs1\public`, 4, 4096))), []smb2.Status{smb2.StatusObjectNameNotFound, ok}},
	}
	h := listen(t, testOptions(t))
	for _, tt := range tests {
		for _, seal := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				if seal && (slices.ContainsFunc(tt.ops, func(op operation) bool { return op.forged }) || tt.ops[0].header.Flags.Has(smb2.FlagRelated)) {
					t.Skip("means nothing or ends the connection where encrypted")
				}
				c := h.logon(t, "public")
				c.seal = seal
				c.send(tt.ops...)
				checkChain(c, c.receive(), tt.ops, tt.want)
			})
		}
	}
}

// checkChain checks the form of an answer to a chain: one frame, each operation
// at a multiple of 8, related as it was asked, and the statuses.
func checkChain(c *client, answers []response, ops []operation, want []smb2.Status) {
	c.t.Helper()
	var got []smb2.Status
	for i, r := range answers {
		got = append(got, r.Status)
		if r.Flags.Has(smb2.FlagRelated) != ops[i].header.Flags.Has(smb2.FlagRelated) {
			c.t.Errorf("operation %d: flags %#x, related differs from the request", i, r.Flags)
		}
		if i < len(answers)-1 && len(r.msg)%8 != 0 {
			c.t.Errorf("operation %d has %d bytes, not padded to 8", i, len(r.msg))
		}
		unsigned := c.seal || ops[i].forged || ops[0].header.SessionID == ^uint64(0) ||
			r.Status == smb2.StatusPending || r.Status == smb2.StatusUserSessionDeleted
		if !unsigned && !r.Flags.Has(smb2.FlagSigned) {
			c.t.Errorf("operation %d is unsigned", i)
		}
	}
	if !slices.Equal(got, want) {
		c.t.Errorf("statuses = %v, want %v", got, want)
	}
}

// TestSignatureCoversPadding: the padding between two operations is signed, both
// ways.
func TestSignatureCoversPadding(t *testing.T) {
	h := listen(t, testOptions(t))
	c := h.logon(t, "public")
	c.send(related(createOp("docs"), queryOp(18), closeOp(smb2.AnyFileID))...)
	for i, r := range c.receive() {
		if !c.signer.Verify(r.msg) {
			t.Errorf("operation %d: signature does not cover what it should", i)
		}
	}
}

func TestCompoundLimit(t *testing.T) {
	h := listen(t, testOptions(t))
	ops := make([]operation, h.limits.Compound+1)
	for i := range ops {
		ops[i] = echoOp()
	}
	c := h.logon(t, "public")
	c.send(ops[:h.limits.Compound]...)
	if got := len(c.receive()); got != h.limits.Compound {
		t.Errorf("%d answers to %d operations", got, h.limits.Compound)
	}
	c.send(ops...)
	c.wantEnd()
	if got := h.rejected(rejectCompound); got != 1 {
		t.Errorf("rejected{compound} = %v, want 1", got)
	}
}

// TestCompoundModel runs random related chains against a model of what is open,
// connected and logged on: nothing in a chain may use what an earlier operation
// of it has given up.
func TestCompoundModel(t *testing.T) {
	h := listen(t, testOptions(t))
	rapid.Check(t, func(rt *rapid.T) {
		c := h.logon(t, "public")
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"create", "query", "close", "untree", "logoff", "tree"}), 1, 8).Draw(rt, "ops")
		build := map[string]func() operation{
			"create": func() operation { return createOp("docs") },
			"query":  func() operation { return queryOp(18) },
			"close":  func() operation { return closeOp(smb2.AnyFileID) },
			"untree": untreeOp, "logoff": logoffOp, "tree": func() operation { return treeOp("public") },
		}
		var ops []operation
		for _, name := range names {
			ops = append(ops, build[name]())
		}
		c.send(related(ops...)...)
		session, tree, file := true, true, false
		for i, r := range c.receive() {
			var want bool
			switch names[i] {
			case "create":
				want = session && tree
				file = file && !want || want
			case "query":
				want = session && tree && file
			case "close":
				want = session && tree && file
				file = false
			case "untree":
				want = session && tree
				tree, file = false, false
			case "logoff":
				want = session
				session, tree, file = false, false, false
			case "tree":
				want = session
				tree = session
				file = false
			}
			if got := r.Status == smb2.StatusSuccess; got != want {
				rt.Fatalf("%v: operation %d (%s) answered %v, want success %v", names, i, names[i], r.Status, want)
			}
		}
		c.nc.Close() //nolint:errcheck // done with it
	})
}
