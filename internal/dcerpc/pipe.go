package dcerpc

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnknownPipe says that no interface is offered under that name.
var ErrUnknownPipe = errors.New("no such pipe")

// errFlooded ends the association of a client that reads no answers.
var errFlooded = fmt.Errorf("%w: too many answers unread", ErrMalformed)

// service is one interface: its syntax and its operations by number.
type service struct {
	name       string
	abstract   syntax
	operations map[uint16]operation
}

// operation reads its arguments from in and writes its results to out. An
// error means that the arguments are no valid NDR; everything else is a result.
type operation func(h Host, in *reader, out *writer) error

// Pipe is one open named pipe and the association on it. It is used by one
// goroutine at a time and needs no closing.
type Pipe struct {
	host     Host
	service  service
	contexts map[uint16]bool // presentation contexts that were accepted
	fragment int             // longest PDU that the client takes
	bound    bool
	call     partialCall
	queue    [][]byte // PDUs to be read, the first perhaps in part
	queued   int      // bytes in queue
	broken   error
}

// partialCall is a request whose last fragment has not come yet.
type partialCall struct {
	header callHeader
	id     uint32
	open   bool
	stub   []byte
}

// Open opens a pipe by the name that a client uses: any case, with or without
// a leading backslash or `PIPE\`. ErrUnknownPipe where there is none.
func Open(name string, h Host) (*Pipe, error) {
	name = strings.TrimPrefix(strings.ToLower(name), `\`)
	name = strings.TrimPrefix(name, `pipe\`)
	for _, s := range []service{srvsvc(), wkssvc()} {
		if s.name == name {
			return &Pipe{host: h, service: s, contexts: map[uint16]bool{}, fragment: maxFragment}, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownPipe, name)
}

// Write takes one or more whole PDUs from the client and queues the answers.
// An error ends the association: every later Write returns it again.
func (p *Pipe) Write(b []byte) error {
	for p.broken == nil && len(b) > 0 {
		h, err := parseHeader(b)
		if err != nil {
			p.broken = err
			break
		}
		p.broken = p.take(h, b[headerSize:h.fragLength])
		b = b[h.fragLength:]
	}
	return p.broken
}

// Read returns the next part of the answers, at most limit bytes of one PDU;
// more tells that the rest of this PDU waits. A nil part means that nothing
// waits. The caller owns the part.
func (p *Pipe) Read(limit int) (part []byte, more bool) {
	if len(p.queue) == 0 {
		return nil, false
	}
	head := p.queue[0]
	n := min(limit, len(head))
	p.queued -= n
	if n == len(head) {
		p.queue = p.queue[1:]
		return head, false
	}
	p.queue[0] = head[n:]
	return head[:n:n], true
}

func (p *Pipe) send(pdu []byte) error {
	if p.queued+len(pdu) > maxQueued {
		return errFlooded
	}
	p.queue = append(p.queue, pdu)
	p.queued += len(pdu)
	return nil
}

func (p *Pipe) take(h header, body []byte) error {
	switch h.typ {
	case pduBind, pduAlter:
		return p.bind(h, body)
	case pduRequest:
		return p.request(h, body)
	case pduCoCancel, pduOrphaned:
		p.call = partialCall{} // calls are answered at once: at most a half-sent one is given up
		return nil
	}
	return fmt.Errorf("%w: PDU type %d", ErrMalformed, h.typ)
}

func (p *Pipe) bind(h header, body []byte) error {
	if h.typ == pduAlter && !p.bound {
		return fmt.Errorf("%w: alter-context before bind", ErrMalformed)
	}
	if h.authLength != 0 {
		return p.send(appendBindNak(h.callID, nakAuthentication))
	}
	q, err := parseBind(body)
	if err != nil {
		return err
	}
	verdicts := make([]verdict, len(q.contexts))
	for i, c := range q.contexts {
		verdicts[i] = c.judge(p.service.abstract)
		if verdicts[i].result == acceptance {
			p.contexts[c.id] = true
		}
	}
	if len(p.contexts) > maxContexts {
		return fmt.Errorf("%w: more than %d contexts", ErrMalformed, maxContexts)
	}
	answer, address := header{typ: pduAlterResp, flags: flagFirst | flagLast, callID: h.callID}, ""
	if h.typ == pduBind {
		p.bound = true
		p.fragment = min(max(int(q.maxReceive), minFragment), maxFragment)
		answer.typ, address = pduBindAck, `\PIPE\`+p.service.name
	}
	return p.send(appendBindAck(answer, p.fragment, group(q.group), address, verdicts))
}

// group answers a client that asks for a new association group with one. The
// pipes share no state, so that the number means nothing.
func group(asked uint32) uint32 {
	if asked == 0 {
		return 1
	}
	return asked
}

func (p *Pipe) request(h header, body []byte) error {
	c, err := parseCall(h, body)
	if err != nil {
		return err
	}
	if h.authLength != 0 {
		return fmt.Errorf("%w: authentication on a call of an association that has none", ErrMalformed)
	}
	if h.flags&flagFirst != 0 {
		p.call = partialCall{header: c, id: h.callID, open: true}
	} else if !p.call.open || p.call.id != h.callID {
		return fmt.Errorf("%w: fragment of an unknown call", ErrMalformed)
	}
	if len(p.call.stub)+len(c.stub) > maxCall {
		return fmt.Errorf("%w: call of more than %d bytes", ErrMalformed, maxCall)
	}
	p.call.stub = append(p.call.stub, c.stub...)
	if h.flags&flagLast == 0 {
		return nil
	}
	done := p.call
	p.call = partialCall{}
	return p.answer(done)
}

func (p *Pipe) answer(c partialCall) error {
	if !p.contexts[c.header.context] {
		return p.send(appendFault(c.id, c.header.context, faultInterface))
	}
	run, known := p.service.operations[c.header.opnum]
	if !known {
		return p.send(appendFault(c.id, c.header.context, faultOperation))
	}
	in, out := &reader{b: c.stub}, &writer{}
	if err := run(p.host, in, out); err != nil {
		return p.send(appendFault(c.id, c.header.context, faultBadStub))
	}
	for _, pdu := range responses(c.id, c.header.context, out.b, p.fragment) {
		if err := p.send(pdu); err != nil {
			return err
		}
	}
	return nil
}
