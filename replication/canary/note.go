package canary

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

const (
	// maxLine bounds what is read of a file, in bytes; no line is as long.
	maxLine = 256
	// maxSeq is the greatest number of a writing: what JSON holds exactly. The
	// next one is 1 again.
	maxSeq = 1<<53 - 1

	head = "dfsd-canary 1 "
	// stampLayout has one length, so that a line never gets shorter while SEQ
	// grows and one write replaces the whole of it.
	stampLayout = "2006-01-02T15:04:05.000000000Z"
)

// errMalformed is a file that no member writes. What is in it is not said: it
// may be another file's content.
var errMalformed = errors.New("not a canary")

// note is what a canary says.
type note struct {
	file    string // FileName of the host that wrote it
	seq     uint64
	written time.Time // in UTC
}

// append writes the line of n, which parse reads:
//
//	dfsd-canary 1 HOST SEQ TIME\n
func (n note) append(b []byte) []byte {
	b = append(b, head...)
	b = append(b, n.file...)
	b = append(b, ' ')
	b = strconv.AppendUint(b, n.seq, 10)
	b = append(b, ' ')
	b = n.written.UTC().AppendFormat(b, stampLayout)
	return append(b, '\n')
}

// parse reads a whole file. It takes what append writes and nothing else, and
// keeps nothing of b.
func parse(b []byte) (note, error) {
	rest, ok := strings.CutPrefix(string(b), head)
	line, ended := strings.CutSuffix(rest, "\n")
	fields := strings.Split(line, " ")
	if !ok || !ended || len(fields) != 3 || !validFile(fields[0]) {
		return note{}, errMalformed
	}
	seq, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil || seq == 0 || seq > maxSeq {
		return note{}, errMalformed
	}
	written, err := time.Parse(stampLayout, fields[2])
	if err != nil {
		return note{}, errMalformed
	}
	n := note{file: fields[0], seq: seq, written: written}
	if string(n.append(nil)) != string(b) { // such as leading zeros, a comma for the point
		return note{}, errMalformed
	}
	return n, nil
}

func validFile(name string) bool {
	for i := range len(name) {
		if !plain(name[i]) && name[i] != '%' {
			return false
		}
	}
	return name != "" && len(name) <= maxName
}
