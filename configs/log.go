package configs

import (
	"fmt"
	"strconv"
	"strings"
)

// Level is the least severe kind of message that is logged.
type Level uint8

// The levels of logging.
const (
	LevelDebug Level = iota
	LevelInfo
	LevelWarn
	LevelError
)

var levelNames = []string{"debug", "info", "warn", "error"}

func (l Level) String() string { return wordOf(levelNames, int(l)) }

// MarshalText writes the word of the configuration file.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads `debug`, `info`, `warn` or `error`.
func (l *Level) UnmarshalText(text []byte) error { return readWord(l, levelNames, text) }

// Format is how a message is written.
type Format uint8

// The formats of logging.
const (
	FormatJSON    Format = iota // one object a line, for machines
	FormatConsole               // for people
)

var formatNames = []string{"json", "console"}

func (f Format) String() string { return wordOf(formatNames, int(f)) }

// MarshalText writes the word of the configuration file.
func (f Format) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads `json` or `console`.
func (f *Format) UnmarshalText(text []byte) error { return readWord(f, formatNames, text) }

func wordOf(words []string, n int) string {
	if n < len(words) {
		return words[n]
	}
	return strconv.Itoa(n)
}

func readWord[E ~uint8](e *E, words []string, text []byte) error {
	for i, word := range words {
		if word == string(text) {
			*e = E(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", text, strings.Join(words, ", "))
}
