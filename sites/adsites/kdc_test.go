package adsites

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"dfsd/internal/lab/standin"
)

// TestHostileKDC: whoever stands between this host and a controller may answer
// with a ticket whose seal is shorter than a checksum.
func TestHostileKDC(t *testing.T) {
	name := types.PrincipalName{NameType: nametype.KRB_NT_PRINCIPAL, NameString: []string{"svc-dfsd"}}
	reply := messages.ASRep{KDCRepFields: messages.KDCRepFields{
		PVNO: 5, MsgType: 11, CRealm: "CORP.TEST", CName: name,
		Ticket:  messages.Ticket{TktVNO: 5, Realm: "CORP.TEST", SName: name, EncPart: types.EncryptedData{EType: 18, KVNO: 1, Cipher: []byte{1}}},
		EncPart: types.EncryptedData{EType: 18, KVNO: 1, Cipher: []byte{1}},
	}}
	raw, err := reply.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	kdc := standin.Listen(t, nil, func(conn net.Conn) {
		head := make([]byte, 4)
		if _, err := io.ReadFull(conn, head); err == nil {
			_, _ = io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(head)))
		}
		_, _ = conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...))
	})
	keys := keytab.New()
	if err := keys.AddEntry("svc-dfsd", "CORP.TEST", "a password", time.Unix(1, 0), 1, 18); err != nil {
		t.Fatal(err)
	}
	file, err := keys.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	_, url := (&controller{usn: 5}).listen(t)
	r := plainReader(t, url)
	r.config.Bind = &BindConfig{Method: GSSAPI, Keytab: writeFile(t, "keytab", file)}
	_, r.portKDC, _ = net.SplitHostPort(kdc)
	if _, err := r.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "malformed answer about a ticket") {
		t.Errorf("Read() = %v", err)
	}
}
