package resolve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/zap"
)

const (
	// ednsSize is the datagram we ask for: it passes every path unfragmented.
	ednsSize = 1232
	// datagramSize is the datagram we can take from servers that do not care.
	datagramSize = 4096
)

// errNonsense is an answer that a working server does not give.
var errNonsense = errors.New("the answer makes no sense")

// refusal is a server that speaks and gives no answer.
type refusal struct{ rcode int }

func (r refusal) Error() string {
	if name, ok := dns.RcodeToString[r.rcode]; ok {
		return "it answers " + name
	}
	return fmt.Sprintf("it answers code %d", r.rcode)
}

// ask puts one question to the servers until one gives an answer: records or
// their absence. The error wraps ErrServers and says what each server did.
func (c *Client) ask(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	servers := c.servers(c.o.Now())
	able, silent := c.health.plan(servers, c.o.Now())
	var tries []string
	for range c.o.Tries {
		tries = append(tries, able...)
	}
	tries = append(tries, silent...)
	faults := map[string]error{}
	for _, server := range tries {
		if errors.As(faults[server], new(refusal)) {
			continue // it would say the same again
		}
		reply, err := c.askServer(ctx, server, name, qtype)
		if err == nil {
			return reply, nil
		}
		faults[server] = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, serversFault(servers, faults)
}

// serversFault says what each server did, in the order of the configuration:
// that of asking changes with their health, and the fault does not.
func serversFault(servers []string, faults map[string]error) error {
	var said []string
	for _, s := range servers {
		if line := fmt.Sprintf("%s: %v", s, faults[s]); faults[s] != nil && !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	return fmt.Errorf("%w (%s)", ErrServers, strings.Join(said, "; "))
}

// askServer puts one question to one server and keeps its health.
func (c *Client) askServer(ctx context.Context, server, name string, qtype uint16) (*dns.Msg, error) {
	reply, err := c.converse(ctx, server, question(name, qtype))
	switch {
	case err == nil || errors.As(err, new(refusal)):
		if c.health.answered(server) {
			c.o.Log.Info("DNS server answers again", zap.String("server", server))
		}
	case ctx.Err() != nil: // the caller's patience, not the server's fault
	default:
		if c.health.failed(server, c.o.Now()) {
			c.o.Log.Warn("DNS server does not answer", zap.String("server", server), zap.Error(err))
		}
	}
	return reply, err
}

func question(name string, qtype uint16) *dns.Msg {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	q.SetEdns0(ednsSize, false)
	return q
}

// converse asks over UDP, over TCP what does not fit, and without EDNS a server
// that does not know it (RFC 6891, 6.2.2).
func (c *Client) converse(ctx context.Context, server string, q *dns.Msg) (*dns.Msg, error) {
	reply, err := c.exchange(ctx, "udp", server, q)
	if err == nil && q.IsEdns0() != nil && ignorantOfEDNS(reply.Rcode) {
		q.Extra = nil
		reply, err = c.exchange(ctx, "udp", server, q)
	}
	if err == nil && reply.Truncated {
		if reply, err = c.exchange(ctx, "tcp", server, q); err != nil {
			err = fmt.Errorf("the answer is too long for UDP, and TCP fails: %w", err)
		}
	}
	if err != nil {
		return nil, err
	}
	return reply, judge(reply)
}

func ignorantOfEDNS(rcode int) bool {
	return rcode == dns.RcodeFormatError || rcode == dns.RcodeNotImplemented || rcode == dns.RcodeBadVers
}

// judge tells an answer from a refusal. A server that neither recurses nor is
// responsible has no answer, whatever code it gives to that.
func judge(reply *dns.Msg) error {
	switch {
	case reply.Truncated:
		return errNonsense
	case reply.Rcode == dns.RcodeNameError:
		return nil
	case reply.Rcode != dns.RcodeSuccess:
		return refusal{reply.Rcode}
	case len(reply.Answer) == 0 && !reply.Authoritative && !reply.RecursionAvailable:
		return refusal{dns.RcodeRefused}
	}
	return nil
}

// exchange sends q and returns the reply to it, within one try's time.
func (c *Client) exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	conn, err := c.o.Dial(ctx, network, server)
	if err != nil {
		return nil, waiting(err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()

	q.Id = dns.Id()
	packed, err := q.Pack()
	if err != nil {
		return nil, err
	}
	sent := new(dns.Msg) // names as they come out of a message, for comparison
	if err := sent.Unpack(packed); err != nil {
		return nil, err
	}
	stream := &dns.Conn{Conn: conn, UDPSize: datagramSize}
	if _, err := stream.Write(packed); err != nil {
		return nil, waiting(err)
	}
	return receive(stream, sent, network == "udp")
}

// receive reads until the reply to sent comes. Over UDP it passes over whatever
// else arrives: anybody may send there.
func receive(conn *dns.Conn, sent *dns.Msg, datagrams bool) (*dns.Msg, error) {
	for {
		raw, err := conn.ReadMsgHeader(nil)
		if errors.Is(err, dns.ErrShortRead) {
			raw, err = nil, nil
		}
		if err != nil {
			return nil, waiting(err)
		}
		reply := new(dns.Msg)
		if len(raw) >= 2 && binary.BigEndian.Uint16(raw) == sent.Id && reply.Unpack(raw) == nil && repliesTo(reply, sent) {
			return reply, nil
		}
		if !datagrams {
			return nil, errNonsense
		}
	}
}

// waiting puts the end of a try into an administrator's words. It leaves out our
// own port, which is another each time: a fault that lasts reads the same.
func waiting(err error) error {
	if e := net.Error(nil); errors.As(err, &e) && e.Timeout() {
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	}
	if e := (*net.OpError)(nil); errors.As(err, &e) && e.Source != nil {
		plain := *e
		plain.Source = nil
		return &plain
	}
	return err
}

// repliesTo tells whether reply, which has the id of sent, answers it: with its
// question. A server that cannot read the question may leave it out of its
// refusal.
func repliesTo(reply, sent *dns.Msg) bool {
	if !reply.Response || reply.Opcode != dns.OpcodeQuery {
		return false
	}
	if len(reply.Question) == 0 {
		return reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError
	}
	got, want := reply.Question[0], sent.Question[0]
	return len(reply.Question) == 1 && got.Qtype == want.Qtype && got.Qclass == want.Qclass && strings.EqualFold(got.Name, want.Name)
}
