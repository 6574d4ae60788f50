// Package bench measures what dfsd costs over the wire, beside Samba in the
// same run: CPU per referral, and memory of idle connections. Its tests are
// built with the tags "integration" and "bench", need the laboratory's root
// and programs, and print figures; they fail where an answer is wrong, never
// because a machine is slow. docs/performance.md says how to run them.
package bench
