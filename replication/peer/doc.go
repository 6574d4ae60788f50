// Package peer holds one session with one replication member: who it is, what
// both sides speak, and the lanes that messages travel on.
//
// A session is three TCP connections with TLS 1.3, one a lane, so that bulk
// never delays control: a lost packet or a slow reader holds up its own lane
// alone. Both sides prove an Ed25519 key; a member is known by the fingerprint
// of that key and by nothing else, neither name nor address nor authority nor
// time.
//
// A connection begins with TLS, the Hello of the accepting side, and then
// Hello and Join of the dialling side. Frames of the engine cost credit, which
// the receiver grants in bytes as it takes frames in; so what waits on either
// side is bounded by Limits, whatever the partner sends, while pings, credit
// and cancellations always pass.
//
// Beside sessions the port takes single connections of the protocol
// "dfsd-status", which carry what hosts say of their replication: with the same
// keys and the same bounds of a handshake, and also from hosts that are no
// partners. Such a host gets no session.
//
// A Listener accepts and a Dialer opens sessions. Nothing runs before
// Session.Run, and when that returns, all that it started has ended.
package peer
