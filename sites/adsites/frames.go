package adsites

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
)

const (
	// maxMessage bounds one LDAP message. A link of 10,000 sites takes 1 MiB.
	maxMessage = 16 << 20
	// maxNesting bounds what stands within what in a message; LDAP needs 7.
	maxNesting = 32
)

var errMessage = errors.New("malformed LDAP message")

// framedConn hands on whole LDAP messages only whose lengths are within bounds
// and fit into each other. The LDAP library behind it believes inner lengths,
// and would collect 2 GiB for one that lies.
type framedConn struct {
	net.Conn
	in   *bufio.Reader
	rest []byte // of the message that is being handed on
	err  error
}

func newFramedConn(c net.Conn) *framedConn {
	return &framedConn{Conn: c, in: bufio.NewReaderSize(c, 64<<10)}
}

// Read is called by one goroutine of the LDAP library.
func (c *framedConn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 && c.err == nil {
		c.rest, c.err = readMessage(c.in)
	}
	if len(c.rest) == 0 {
		return 0, c.err
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// readMessage reads one BER element, takes no byte beyond it, and checks all
// lengths within. It allocates no more than was sent, doubled.
func readMessage(r io.Reader) ([]byte, error) {
	head := make([]byte, 2, 6)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	if more := int(head[1] & 0x7f); head[1] > 0x80 && more <= 4 {
		head = head[:2+more]
		if _, err := io.ReadFull(r, head[2:]); err != nil {
			return nil, unexpected(err)
		}
	}
	size, length, err := elementHead(head)
	if err != nil {
		return nil, err
	}
	message := head
	for left := length; left > 0; {
		step := min(left, max(64<<10, len(message)))
		at := len(message)
		message = append(message, make([]byte, step)...)
		if _, err := io.ReadFull(r, message[at:]); err != nil {
			return nil, unexpected(err)
		}
		left -= step
	}
	return message, checkElements(message[size:], head[0]&0x20 != 0, 1)
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// elementHead returns how long the head of an element is, and its contents.
//
//	identifier (1, tag number below 31) | 0LLLLLLL
//	identifier (1, tag number below 31) | 1NNNNNNN, N octets of length, N ≤ 4
func elementHead(b []byte) (size, length int, err error) {
	switch {
	case len(b) < 2:
		return 0, 0, fmt.Errorf("%w: an element ends within its head", errMessage)
	case b[0]&0x1f == 0x1f:
		return 0, 0, fmt.Errorf("%w: a tag of several octets", errMessage)
	case b[1] < 0x80:
		return 2, int(b[1]), nil
	}
	more := int(b[1] & 0x7f)
	if more == 0 || more > 4 {
		return 0, 0, fmt.Errorf("%w: a length of %d octets", errMessage, more)
	}
	if len(b) < 2+more {
		return 0, 0, fmt.Errorf("%w: an element ends within its head", errMessage)
	}
	var n uint64
	for _, octet := range b[2 : 2+more] {
		n = n<<8 | uint64(octet)
	}
	if n > maxMessage {
		return 0, 0, fmt.Errorf("%w: %d bytes, more than %d", errMessage, n, maxMessage)
	}
	return 2 + more, int(n), nil
}

// checkElements checks that constructed contents hold whole elements only.
func checkElements(b []byte, constructed bool, depth int) error {
	if !constructed {
		return nil
	}
	if depth > maxNesting {
		return fmt.Errorf("%w: more than %d elements within each other", errMessage, maxNesting)
	}
	for len(b) > 0 {
		size, length, err := elementHead(b)
		if err != nil {
			return err
		}
		if length > len(b)-size {
			return fmt.Errorf("%w: an element of %d bytes where %d are left", errMessage, length, len(b)-size)
		}
		if err := checkElements(b[size:size+length], b[0]&0x20 != 0, depth+1); err != nil {
			return err
		}
		b = b[size+length:]
	}
	return nil
}
