package dcerpc

const (
	// maxFragment is the longest PDU that either side may send, in bytes. It
	// is the one that Windows uses over named pipes.
	maxFragment = 4280
	// minFragment is the least that a client may ask for ([C706] 12.6.3.1,
	// "must support 1432" for connectionless; named pipes go lower).
	minFragment = 512
	// maxCall is the longest request, all fragments together, in bytes.
	maxCall = 64 << 10
	// maxQueued bounds what waits to be read, in bytes; a client that writes
	// calls and reads no answers loses its association.
	maxQueued = 1 << 20
	// maxContexts bounds the presentation contexts of one association.
	maxContexts = 16
	// maxSyntaxes bounds the transfer syntaxes of one context.
	maxSyntaxes = 8
	// maxString bounds one string in a request, in UTF-16 units.
	maxString = 1024
)
