package smbd

import (
	"fmt"
	"testing"

	"dfsd/internal/smb2"
	"dfsd/internal/smbtree"
)

// TestPayloadSizes: no request may ask for more than was agreed, nor for more
// than it paid for with its credit charge.
func TestPayloadSizes(t *testing.T) {
	ops := map[string]func(id smb2.FileID, n uint32) (smb2.Command, smb2.Body){
		"read": func(id smb2.FileID, n uint32) (smb2.Command, smb2.Body) {
			return smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: n}
		},
		"list": func(id smb2.FileID, n uint32) (smb2.Command, smb2.Body) {
			return smb2.CommandQueryDirectory, smb2.QueryDirectoryRequest{Class: 0x25, FileID: id, Pattern: "*", OutputLength: n}
		},
		"query": func(id smb2.FileID, n uint32) (smb2.Command, smb2.Body) {
			return smb2.CommandQueryInfo, smb2.QueryInfoRequest{Type: smb2.InfoFile, Class: 18, FileID: id, OutputLength: n}
		},
		"notify": func(id smb2.FileID, n uint32) (smb2.Command, smb2.Body) {
			return smb2.CommandChangeNotify, smb2.ChangeNotifyRequest{FileID: id, OutputLength: n}
		},
		"write": func(id smb2.FileID, n uint32) (smb2.Command, smb2.Body) {
			return smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: make([]byte, n)}
		},
		"set": func(id smb2.FileID, n uint32) (smb2.Command, smb2.Body) {
			return smb2.CommandSetInfo, smb2.SetInfoRequest{Type: smb2.InfoFile, Class: 4, FileID: id, Input: make([]byte, n)}
		},
		"control in": func(_ smb2.FileID, n uint32) (smb2.Command, smb2.Body) {
			q := referralRequest(`\fs1\public`, 4, 4096)
			q.Input = append(q.Input, make([]byte, int(n)-len(q.Input))...)
			return smb2.CommandIoctl, q
		},
		"control out": func(_ smb2.FileID, n uint32) (smb2.Command, smb2.Body) {
			return smb2.CommandIoctl, referralRequest(`\fs1\public`, 4, n)
		},
	}
	tests := []struct {
		name    string
		dialect smb2.Dialect
		size    uint32
		charge  uint16
		ok      bool
	}{
		{"2.0.2, all of it", smb2.Dialect202, 65536, 1, true},
		{"2.0.2, a byte more", smb2.Dialect202, 65537, 1, false},
		{"one credit", smb2.Dialect311, 65536, 1, true},
		{"a byte more than one credit", smb2.Dialect311, 65537, 1, false},
		{"two credits", smb2.Dialect311, 65537, 2, true},
		{"all of it", smb2.Dialect311, 128 << 10, 2, true},
		{"a byte more", smb2.Dialect311, 128<<10 + 1, 3, false},
	}
	h := listen(t, limited(t, func(l *Limits) { l.Transact = 128 << 10 }))
	for _, tt := range tests {
		for name, build := range ops {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				c := h.logon(t, "public", tt.dialect)
				command, body := build(c.open("docs"), tt.size)
				r := c.one(operation{header: smb2.Header{Command: command, CreditCharge: tt.charge}, body: body})
				if got := r.Status != smb2.StatusInvalidParameter; got != tt.ok {
					t.Errorf("%d bytes for %d credits: %v, want it served: %v", tt.size, tt.charge, r.Status, tt.ok)
				}
			})
		}
	}
}

// TestChainOfLongAnswers: an answer that fills a frame is the last of its chain
// that holds anything.
func TestChainOfLongAnswers(t *testing.T) {
	o := limited(t, func(l *Limits) { l.Transact = 64 << 10 })
	cfgs := testNamespace()
	for i := range 3000 {
		f := cfgs[0].Folders[1]
		f.Path = fmt.Sprintf("folder %d", i)
		cfgs[0].Folders = append(cfgs[0].Folders, f)
	}
	o.Forest = smbtree.New(smbtree.Options{Snapshot: testView(t, cfgs).Namespaces})
	h := listen(t, o)
	c := h.logon(t, "public")
	list := listOp()
	q := list.body.(smb2.QueryDirectoryRequest)
	q.OutputLength = 64 << 10
	list.body = q
	ops := related(createOp(""), list, list, list, closeOp(smb2.AnyFileID))
	c.send(ops...)
	full := smb2.StatusInsufficientResources
	checkChain(c, c.receive(), ops, []smb2.Status{smb2.StatusSuccess, smb2.StatusSuccess, smb2.StatusSuccess, full, full})
}
