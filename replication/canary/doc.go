// Package canary measures how long a change takes from one member of a
// replicated folder to the others: each rewrites a small file of its own, and
// notes when those of the others arrive.
//
// # The files
//
// They stand in [Directory] at the root of the folder, one a member, named
// after its host as [FileName] says, and hold one line:
//
//	dfsd-canary 1 HOST SEQ TIME\n
//
// HOST is the name of the file. SEQ counts the writings from 1 and goes on over
// restarts; where the file was lost it begins again. TIME is when the line was
// written, by the writer's clock, in UTC as RFC 3339 with nine digits of the
// second.
//
// These names are dfsd's. What a user puts in place of the directory or of this
// host's own file is removed or overwritten, and what is deleted comes back.
// The file of a host that is no member is ignored and never removed: members
// that learn of a new configuration at different times would fight over it. An
// administrator removes it on one member, as any file; or removes the whole
// directory on one member after canaries were turned off on all.
//
// # What is measured
//
// The delay is the arrival by this host's clock less the writing by the
// writer's: with the time that the change rested, was read, sent and installed,
// and with the difference of the two clocks, which is not estimated. Where that
// makes it negative it counts as 0, and the fact is counted. The arrival is when
// the file system says that the file was last changed, if that lies after the
// look before; else it is the look that found it, at most a second late, or
// [Options.Notify] earlier. What was there before the watch began is no
// arrival: only its age is known.
//
// # One small change
//
// A writing makes a new file under a name that begins with "~" and has it take
// the place of the one before in one step, as editors do: partners get a new
// version of the same object. What stood there is never written to, since a user
// may have linked it to a file of others. The name with "~" is gone before any
// name settles, and filters leave such names alone as a rule. A crash of dfsd
// leaves the old line or the new one. What a power loss leaves instead is refused
// by the others and replaced at the next writing.
//
// What this needs of the rest of dfsd: the journal must be told of these writings
// where it does not hear what this process does (Options.Wrote); an install does not preserve the version
// before; and a folder in which nothing but canaries is left counts as empty.
// A filter that skips one of these names keeps that canary at home.
//
// A path never leads through a symbolic link, and no file that is there is written
// to, so that no user can have dfsd write to what is not his.
package canary
