// Package memcachedstore keeps entries in one or several memcacheds (1.6 or
// later, whose meta commands it uses).
//
//	store, err := memcachedstore.New([]string{"10.0.0.1:11211", "10.0.0.2:11211"}, &memcachedstore.Options{Namespace: "shop"})
//
// [NewFromSelector] takes the server selector of a program that uses gomemcache.
//
// # Keys
//
// All names begin with the namespace and a fingerprint of the servers. A key of
// printable ASCII is in its name as it is, any other, and one that makes the name
// longer than memcached's 250 bytes, as its SHA-256. An entry holds a fingerprint
// of its key as well. Nothing is ever flushed.
//
// # Several servers
//
// Keys are spread by rendezvous hashing: a new server takes an equal share from
// each of the others, and nothing else moves. Which server has a key depends on the
// servers' names alone, and all processes must name them alike. A server that
// is down is an error for its keys; they do not go to another one.
//
// Another list of servers is another cache, empty at first: a server that leaves,
// and returns later with what it had, is never asked for that. While a deployment
// changes the list, processes with the old one and with the new one do not see
// each other's invalidations; each is right about what was invalidated through
// its own.
//
// The clock and the stamp that Clear sets are on one of the servers. While that
// one is down, all calls fail.
//
// # Round trips
//
// On one server (with several, what concerns different servers is asked at the
// same time where it can be):
//
//	Get                       1; with tags 2; a miss that plants a placeholder 2
//	Put Set                   1; with tags that are new 4 more
//	Put Fill                  1; with tags 2, that are new 5; over a live entry 2
//	Put SetFenced             as Fill, and 1
//	Put Add, Touch            3
//	Incr                      2
//	Invalidate                keys 1, tags 3; 5 if others write meanwhile
//	GetMany PutMany           as Get and Set, for all together
//
// A step that looks at an entry with tags takes one more. With several servers a
// Set and the removal of keys take one more, because the clock must advance last,
// tags do because their guards must be raised first, and a Get does if the clock has
// advanced since the store saw it last.
//
// Calls that come at once go together. While four Gets are on their way to a server,
// further ones for its keys wait, for about a quarter of a round trip and a millisecond
// at most, and then go as one command more each; so do Sets of up to 16 KiB without
// tags. What there is to do afterwards (tags, a placeholder), each does by itself. A
// call that comes alone waits for nobody. With a server next door 16 goroutines take
// about two thirds of the time that they take with gomemcache.
//
// gomemcache sends one command after the other, has no meta commands and takes no
// context. So the store speaks the protocol itself, over connections of its own:
// one hundred sets are one write, where gomemcache takes a hundred round trips,
// and took 10 to 20 times as long (BenchmarkStore). Its selectors, and so the
// places of keys, are used as they are.
//
// # Expiration
//
// memcached counts whole seconds. An entry holds its own end, to the nanosecond,
// and is never returned after it, by the clock of whoever reads it: clocks of
// clients should agree. The server is told to keep an entry a second longer, as
// a number of seconds up to 30 days and as a date above that; for lives that
// end after January 2038 it is told nothing.
//
// # How the rules are kept
//
// There is no step over two items in memcached, so each is taken in an order in
// which whoever looks in between is not misled:
//
//   - The clock is one number, epoch and n, which the server advances by itself.
//     Every step has its effects first and then advances it. A Set, whose effect
//     would be seen too early, stores its entry with the number that the clock is
//     about to have; readers do not see an entry whose number is ahead of the clock.
//   - A tag gets the number that follows the clock as it was when Invalidate
//     began. All that was loaded before has a lower one.
//   - A tag that has no stamp may have been evicted, and makes invalid what has it.
//     A guard, which is a stamp for many tags, says how old it can be made again.
//   - A fence is the CAS id of a placeholder, or the token in an entry, and what
//     replaces it is stored by compare and swap. CAS ids are combined with the
//     process id and the time of the server's start, which each connection
//     asks for first: a server that restarts counts them from 1 again.
//   - What was asked for on a connection that then failed, or in a call that was
//     given up, is answered to nobody: the connection is closed.
//
// Whatever is evicted, whenever: entries, placeholders, stamps, guards or the
// clock, costs loads and never truth.
//
// Best effort remains what follows. A new epoch is one of 2^27: with a chance of
// one in 134 million it is an earlier one, of which something may be left. A server
// that does not tell its process id and start, or that starts twice within one
// second with the same process id, may take a fence of its earlier run for one of
// the later. A server that restarts with the items that it had before (option -e)
// after it was unreachable for one client only is trusted as it is. Without CAS
// ids (option -C) every call is an error.
//
// A load that comes up to two seconds after its hold has ended may still be
// stored, if nobody has looked at the key in between.
//
// # When the server is down
//
// Every method returns an error: nothing has happened, or, if the reply was lost,
// all of it or a part. Of what is done in parts, what was done first never makes
// anything valid; an invalidation that failed must be made again. A call takes
// [Options].Timeout at most, less if its context ends before. What is harmless to
// repeat is sent again, once, if a connection that had been idle turns out to be
// closed; Add, Incr and Touch are not. A server that is down, or hangs, is so for calls
// that need something of it, and for no others that come with them.
//
// There are no goroutines but those of a call that asks several servers, and of calls
// that went together, which end with them.
//
// # Limits
//
// An entry must fit into an item (1 MiB unless the server's option -I says
// otherwise), with at most 400 bytes beside payload and tags: a larger one is
// driver.ErrTooLarge. Move is not one step. What Invalidate says that it removed
// is what stood there a moment before. Incr replaces an entry that it has read,
// until nobody else has changed it in between: counting on one key by very many
// at once is slower than memcached's own incr, which has no sign and wraps around.
//
// # URLs
//
//	memcached://host1:11211,host2/?namespace=shop&call_timeout=200ms
//	memcached:///run/memcached.sock
//
// The schemes memcache, pymemcache, pymemcached, pylibmc and djangopylibmc mean
// the same. See [OpenURL].
package memcachedstore
