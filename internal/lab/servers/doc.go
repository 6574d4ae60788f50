// Package servers runs real servers and programs beside a test: Samba as a file
// server and as a domain controller, and any other program, none of which
// outlives the test or the process that runs it.
//
// It is what the laboratory (internal/lab) and the tests of single rooms have in
// common, so it knows no room of dfsd. A program gets a process namespace of its
// own, which needs root. A test that needs port 445, or a machine without
// another Samba, calls [InNamespaces] first.
//
// Everything but this page is built with the tag "integration" only: the product
// cannot use it.
package servers
