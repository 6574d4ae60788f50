// Package smbauth turns the security tokens of SMB2 SESSION_SETUP into an
// identity and a session key, and makes such tokens for a client.
//
// The acceptor is an Authenticator; Begin gives one Exchange for each session
// set-up, and each token that the client sends goes through Exchange.Step.
// SPNEGO (RFC 4178, MS-SPNG) wraps the mechanism, which is also taken bare and
// is then answered bare. Of NTLM (MS-NLMP) only version 2 is accepted: NTLMv1
// and LM responses are refused whatever they prove. Kerberos 5 (RFC 4120, RFC
// 4121, MS-KILE) is offered, and preferred, while Config.Kerberos gives a
// keytab; a client whose ticket is refused cannot fall back within the same
// exchange.
//
// What protects the exchange:
//   - the NTLM message integrity code over all three messages is verified
//     wherever the client says that it made one, which clients do as soon as
//     the challenge holds a timestamp, and ours always does;
//   - the SPNEGO mechListMIC is verified and returned where the client sends
//     one, and demanded where the client's first mechanism was not chosen;
//   - a Kerberos client is who the KDC sealed into the ticket, in name and
//     realm, and his authenticator must say the same; each authenticator counts
//     once, and what this process forgets by a restart is bounded by the clock
//     skew;
//   - secrets are compared in constant time, and a name that is not in the
//     table costs the same work as a wrong password.
//
// Everything here runs before the client is known. No parser recurses, no
// length that a peer announces is allocated before the bytes are there, and
// what an Exchange keeps between two tokens is a few kilobytes at most. The PAC,
// other authorization data and delegated credentials are never decoded.
//
// NTLM needs MD4, MD5 and RC4: under GODEBUG=fips140=only it does not work.
package smbauth
