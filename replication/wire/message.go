package wire

import "fmt"

// Message is one body of the protocol. Messages are values; what they hold is
// read-only once it was sent or parsed.
type Message interface {
	// Type names the message on the wire.
	Type() Type
	// Append appends the body.
	Append(b []byte) []byte
}

// Type is the number of a message.
type Type uint8

// The types of messages. Those below 16 belong to the session itself.
const (
	TypeHello   Type = 1
	TypeJoin    Type = 2
	TypeCredit  Type = 3
	TypePing    Type = 4
	TypePong    Type = 5
	TypeCancel  Type = 6
	TypeGoodbye Type = 7
	TypeError   Type = 8
	TypeDone    Type = 9

	TypeKnowledge Type = 16
	TypeRecords   Type = 17

	TypeWantRecords   Type = 32
	TypeWantFiles     Type = 33
	TypePack          Type = 34
	TypeWantRange     Type = 35
	TypeData          Type = 36
	TypeWantChunkList Type = 37
	TypeChunkList     Type = 38
	TypeWantRecipe    Type = 39
	TypeRecipe        Type = 40
	TypeWantChunks    Type = 41
	TypeChunks        Type = 42
)

// kind is what the protocol knows of one type.
type kind struct {
	name    string
	maxBody int
	parse   func(r *reader) Message
}

// kindOf is the table of all types; the name is empty for those that are none.
func kindOf(t Type) kind {
	switch t {
	case TypeHello:
		return kind{"hello", 1 << 20, parseHello}
	case TypeJoin:
		return kind{"join", 64, parseJoin}
	case TypeCredit:
		return kind{"credit", 16, parseCredit}
	case TypePing:
		return kind{"ping", 16, parsePing}
	case TypePong:
		return kind{"pong", 16, parsePong}
	case TypeCancel:
		return kind{"cancel", 0, parseCancel}
	case TypeGoodbye:
		return kind{"goodbye", 2 << 10, parseGoodbye}
	case TypeError:
		return kind{"error", 2 << 10, parseError}
	case TypeDone:
		return kind{"done", 0, parseDone}
	}
	return kindOfFolder(t)
}

// kindOfFolder is the part of the table about folders and their content.
func kindOfFolder(t Type) kind {
	switch t {
	case TypeKnowledge:
		return kind{"knowledge", MaxBody, parseKnowledge}
	case TypeRecords:
		return kind{"records", MaxBody, parseRecords}
	case TypeWantRecords:
		return kind{"want-records", MaxBody, parseWantRecords}
	case TypeWantFiles:
		return kind{"want-files", 1 << 20, parseWantFiles}
	case TypePack:
		return kind{"pack", MaxBody, parsePack}
	case TypeWantRange:
		return kind{"want-range", 256, parseWantRange}
	case TypeData:
		return kind{"data", MaxBody, parseData}
	case TypeWantChunkList:
		return kind{"want-chunk-list", 1 << 17, parseWantChunkList}
	case TypeChunkList:
		return kind{"chunk-list", MaxBody, parseChunkList}
	case TypeWantRecipe:
		return kind{"want-recipe", 256, parseWantRecipe}
	case TypeRecipe:
		return kind{"recipe", MaxBody, parseRecipe}
	case TypeWantChunks:
		return kind{"want-chunks", 1 << 17, parseWantChunks}
	case TypeChunks:
		return kind{"chunks", MaxBody, parseChunks}
	}
	return kind{maxBody: -1}
}

// maxBody is the length of the longest body of t, or -1 where t is no type.
func (t Type) maxBody() int { return kindOf(t).maxBody }

// String is the name of t, as logs and errors write it.
func (t Type) String() string {
	if name := kindOf(t).name; name != "" {
		return name
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Parse reads the body of a message of type t. The message may alias body.
// Errors are ErrMalformed.
func Parse(t Type, body []byte) (Message, error) {
	k := kindOf(t)
	if k.parse == nil {
		return nil, fmt.Errorf("%w: frame type %d", ErrMalformed, uint8(t))
	}
	r := readerOf(body)
	m := k.parse(&r)
	if err := r.End("the last field"); err != nil {
		return nil, fmt.Errorf("%v: %w", t, err)
	}
	return m, nil
}
