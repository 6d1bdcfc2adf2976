// Package sessionstore keeps HTTP sessions in a [cache.Cache]. A [Store] has the
// method set that github.com/alexedwards/scs/v2 calls CtxStore, and needs nothing
// of it:
//
//	sessions := scs.New()
//	sessions.Store, err = sessionstore.New(client, nil)
//
// # What is promised
//
// An outage is an error, never "no such session": nobody is logged out, and no
// cookie is deleted, because a server did not answer. A session that was deleted
// stays deleted: a slow request that began before a logout cannot bring it back.
// Sessions live until the time that Commit says.
//
// # Where to keep sessions
//
// In a cache that keeps what was just written: a bounded memory store may throw
// out a session, which is a logout, and one with W-TinyLFU will. In front of a
// server a near tier may show a session for [cache.Options].Staleness after
// another process has changed it; give sessions a client without one.
package sessionstore
