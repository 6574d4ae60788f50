package adsites

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

const (
	// maxKDCs bounds how many controllers are asked for a ticket.
	maxKDCs = 3
	// maxTicket bounds an answer about a ticket; one with a great PAC has 64 KiB.
	maxTicket = 1 << 20
)

// findKDC returns the host:port of the controller that tickets are to be had
// from: the first of the server itself and two others to answer a question for
// one. The Kerberos library waits 10 s for each that is dead, in an order of its
// own, once for each of three messages, and hears of no context; so it is given
// one that lives. The question proves nothing and therefore risks no account.
func (r *Reader) findKDC(ctx context.Context, name, realm string, s *session, others []target) (string, error) {
	question, err := askTicket(name, realm)
	if err != nil {
		return "", err
	}
	kdcs := r.kdcs(s, others)
	out := race[struct{}]{
		headStart: r.headStart, abreast: maxKDCs, discard: func(struct{}) {},
		try: func(ctx context.Context, i int) (struct{}, error) {
			return struct{}{}, r.askKDC(ctx, kdcs[i], question)
		},
	}.run(ctx, len(kdcs))
	switch {
	case out.winner >= 0:
		return kdcs[out.winner], nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	}
	var faults ServersError
	for i, err := range out.faults {
		faults.Errs = append(faults.Errs, &serverError{kdcs[i], err})
	}
	return "", fmt.Errorf("no controller gives out tickets: %w", &faults)
}

// kdcs returns where to ask for tickets: the server at the address at which it
// has just answered, then others.
func (r *Reader) kdcs(s *session, others []target) []string {
	seen := map[string]bool{s.target.Host: true}
	first := s.target.Host
	if host, _, err := net.SplitHostPort(s.raw.RemoteAddr().String()); err == nil {
		first = host
	}
	all := []string{net.JoinHostPort(first, r.portKDC)}
	for _, o := range others {
		if seen[o.Host] || len(all) == maxKDCs {
			continue
		}
		seen[o.Host] = true
		host := o.Host
		if len(o.Addrs) > 0 {
			host = o.Addrs[0].String()
		}
		all = append(all, net.JoinHostPort(host, r.portKDC))
	}
	return all
}

// askTicket is the first question for a ticket, in which nothing is signed (RFC
// 4120 3.1.1). A controller answers with one, or with how it wants to be shown
// who asks.
func askTicket(name, realm string) ([]byte, error) {
	krb, err := config.NewFromString(kerberosConfig(realm, ""))
	if err != nil {
		return nil, fmt.Errorf("make the Kerberos configuration of %s: %w", realm, err)
	}
	question, err := messages.NewASReqForTGT(realm, krb, types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, name))
	if err != nil {
		return nil, fmt.Errorf("ask for a ticket of %s: %w", realm, err)
	}
	b, err := question.Marshal()
	if err != nil {
		return nil, fmt.Errorf("ask for a ticket of %s: %w", realm, err)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...), nil
}

// askKDC puts a question over TCP and waits for an answer, whatever it says (RFC
// 4120 7.2.2):
//
//	length (4) | message
func (r *Reader) askKDC(ctx context.Context, address string, question []byte) error {
	conn, err := r.dialOne(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, stop := context.WithTimeoutCause(ctx, dialTimeout, fmt.Errorf("no answer within %s", dialTimeout))
	defer stop()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if err := converse(conn, question); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return nil
}

func converse(conn net.Conn, question []byte) error {
	if _, err := conn.Write(question); err != nil {
		return err
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(conn, head); err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(head)
	if length == 0 || length > maxTicket {
		return errors.New("malformed answer about a ticket")
	}
	_, err := io.CopyN(io.Discard, conn, int64(length))
	return err
}
