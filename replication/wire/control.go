package wire

import "encoding/binary"

// Credit lets the receiver send so many more bytes on this lane.
type Credit struct{ Bytes uint32 }

// Type is TypeCredit.
func (Credit) Type() Type { return TypeCredit }

// Append writes the number of bytes.
func (c Credit) Append(b []byte) []byte { return binary.AppendUvarint(b, uint64(c.Bytes)) }

func parseCredit(r *reader) Message { return Credit{r.uint32("credit")} }

// Ping asks for a Pong with the same mark.
type Ping struct{ Mark uint64 }

// Type is TypePing.
func (Ping) Type() Type { return TypePing }

// Append writes the mark.
func (p Ping) Append(b []byte) []byte { return binary.AppendUvarint(b, p.Mark) }

func parsePing(r *reader) Message { return Ping{r.Uvarint("mark")} }

// Pong answers a Ping.
type Pong struct{ Mark uint64 }

// Type is TypePong.
func (Pong) Type() Type { return TypePong }

// Append writes the mark.
func (p Pong) Append(b []byte) []byte { return binary.AppendUvarint(b, p.Mark) }

func parsePong(r *reader) Message { return Pong{r.Uvarint("mark")} }

// Cancel withdraws the request whose id its frame carries.
type Cancel struct{}

// Type is TypeCancel.
func (Cancel) Type() Type { return TypeCancel }

// Append writes nothing.
func (Cancel) Append(b []byte) []byte { return b }

func parseCancel(*reader) Message { return Cancel{} }

// Done answers a request that has nothing to tell, and ends an answer of many
// parts.
type Done struct{}

// Type is TypeDone.
func (Done) Type() Type { return TypeDone }

// Append writes nothing.
func (Done) Append(b []byte) []byte { return b }

func parseDone(*reader) Message { return Done{} }
