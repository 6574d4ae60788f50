// Package configs reads the configuration file: one YAML file that describes a
// whole deployment and is the same on every host.
//
// Parsing is strict. Keys that no room knows, keys given twice, values of the
// wrong kind and references to what is not there are refused, all of them in
// one run, each with file:line:column. What a section means, its defaults and
// its bounds, belongs to the room that owns it: configs decodes into the
// rooms' Config types, lets each validate its own, and holds the sections
// against each other.
//
// A File is a plain value. It is not safe for concurrent changes.
package configs
