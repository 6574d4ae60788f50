// Package dcerpc answers DCE/RPC calls on the named pipes srvsvc and wkssvc:
// who this server is and which shares it offers.
//
// It speaks the connection-oriented protocol of [C706] chapter 12 with the
// extensions of [MS-RPCE] that clients use over SMB: version 5.0, transfer
// syntax NDR 2.0, little-endian, several presentation contexts, fragments in
// both directions. A Pipe is one association. What a client can make it hold
// is bounded by the constants in limits.go.
package dcerpc
