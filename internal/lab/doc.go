// Package lab is the integration laboratory: it runs the real dfsd binary and
// real clients (smbclient, rpcclient, smbtorture, impacket, libsmbclient and
// the Linux kernel in a virtual machine) against each other, with Samba as the
// oracle, in network, mount and process namespaces that vanish with the tests.
//
// A test package joins by calling [Main] from its TestMain. Main builds dfsd,
// then runs the test binary a second time inside the namespaces; there every
// test makes its own [Lab], which hands out addresses, servers and client
// machines and takes them back when the test ends. Tests may run in parallel:
// no two Labs share an address, a folder or a server.
//
// Everything but this page is built with the tag "integration" only. It needs
// root and the Debian packages that .ci/install brings; a program that is
// missing fails the run with the command that installs it.
package lab
