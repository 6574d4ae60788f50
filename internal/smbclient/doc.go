// Package smbclient is a small SMB2 and SMB3 client for asking servers
// questions: referrals, folders, signs of life. It speaks 2.0.2 to 3.1.1, NTLMv2
// or anonymous, signing, encryption, pre-authentication integrity and
// VALIDATE_NEGOTIATE_INFO, and pipelines requests for load generation.
//
// # Trust
//
// A server is taken for hostile. Every answer is matched with its request,
// verified or decrypted where the session has keys, and parsed within bounds;
// nothing is allocated because a server announces it. What breaks the protocol
// costs an error that wraps ErrProtocol and the connection, never a panic. A
// server that lets known credentials in as a guest is refused unless
// Options.AllowGuest says otherwise, since a guest's session has no keys.
//
// # Errors
//
// An answer other than success is a *StatusError; errors.Is finds the
// smb2.Status in it, and the connection goes on. Every other error of a request
// ends the connection: later calls return it again. A context that ends during
// a request ends the connection too, because nobody knows then what is still
// under way.
//
// # Concurrency
//
// A Conn and its trees serve one goroutine at a time; only Close may be called
// from another one. No goroutine outlives a call.
package smbclient
