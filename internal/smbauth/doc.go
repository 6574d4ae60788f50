// Package smbauth turns the security tokens of SMB2 SESSION_SETUP into an
// identity and a session key, and makes such tokens for a client.
//
// The acceptor is an Authenticator; Begin gives one Exchange for each session
// set-up, and each token that the client sends goes through Exchange.Step.
// SPNEGO (RFC 4178, MS-SPNG) wraps the mechanism; NTLMSSP (MS-NLMP) is also
// taken bare and is then answered bare. Of NTLM only version 2 is accepted:
// NTLMv1 and LM responses are refused whatever they prove.
//
// What protects the exchange:
//   - the NTLM message integrity code over all three messages is verified
//     wherever the client says that it made one, which clients do as soon as
//     the challenge holds a timestamp, and ours always does;
//   - the SPNEGO mechListMIC is verified and returned where the client sends
//     one, and demanded where the client's first mechanism was not chosen;
//   - secrets are compared in constant time, and a name that is not in the
//     table costs the same work as a wrong password.
//
// Everything here runs before the client is known. No parser recurses, no
// length that a peer announces is allocated before the bytes are there, and
// what an Exchange keeps between two tokens is a few kilobytes at most.
//
// NTLM needs MD4, MD5 and RC4: a process under GODEBUG=fips140=only cannot use
// this package.
package smbauth
