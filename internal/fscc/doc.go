// Package fscc holds the bytes of [MS-FSCC]: what a file system tells about
// files, directories and itself, and the little that clients set; together with
// the security descriptors of [MS-DTYP] and the wildcards of [MS-FSA] 2.1.4.4.
//
// Append functions append to the slice they are given and return it; integers
// are little-endian and names UTF-16. Parse functions copy what they return. All
// values are plain; nothing here starts a goroutine, reads a clock or does I/O.
package fscc
