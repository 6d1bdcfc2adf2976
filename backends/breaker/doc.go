// Package breaker is a store in front of another that stops asking it while it
// is down, so that an outage costs the application little time.
//
//	store, err := breaker.New(redis, &breaker.Options{Timeout: 200 * time.Millisecond})
//
// The circuit is that of github.com/sony/gobreaker. What it keeps: [Closed],
// every call passes; after Options.Failures failures with no answer in between,
// [Open], calls fail at once with [ErrOpen]; after Options.OpenFor, [HalfOpen],
// Options.Probes calls pass and the others fail at once. If all probes are
// answered it is closed, and open again when one fails. A call's outcome counts
// only for the state in which the call began.
//
// Any URL of cache.Open may ask for one, once this package is imported:
//
//	redis://10.0.0.5/0?breaker=true&breaker_failures=5&breaker_open_for=1s&breaker_probes=1&breaker_timeout=250ms
//
// # What is a failure
//
// An outage: every error but the answers of package driver (a miss, not an
// integer, overflow, too large, closed, unsupported). Options.IsFailure can
// excuse more. A call that ran into a deadline is the failure of a slow server,
// whoever set the deadline. A call that its caller canceled says nothing of the
// server and counts as neither. A batch counts as answered if one of its keys
// was.
//
// # Slow servers
//
// A server that hangs fails nothing until somebody stops waiting. Options.Timeout
// bounds each call; a store whose client has timeouts of its own can do
// without. While the circuit is not closed no call waits longer than OpenFor in
// any case, so that a probe that hangs holds nobody up. All of this rests on the
// rule that a store ends a call soon after its context ends.
//
// A call that Timeout has ended fails with [ErrTimeout] and never with
// [context.DeadlineExceeded]: to a cache it is an outage, and not the end of the
// caller's own time. It may or may not have taken effect.
//
// # What passes always
//
// Invalidate is let through whatever the state. A read that is refused costs a
// load, but an invalidation that is refused leaves an old value, which every
// other process goes on reading; and a circuit stays open for a while after the
// server is back, or is open here when the server is well for the others. So an
// invalidation fails only if the server did not take it, and waits for that as
// long as Timeout (or OpenFor) allows. When it fails it may not have happened:
// repeating it is harmless, and package cache does so.
//
// A Set that fails leaves what stood under the key. Whoever cannot live with
// that deletes the key, which passes.
//
// Ping asks the server and not the circuit, and counts as nothing.
//
// # When the server is down
//
// Errors are the store's own, [ErrTimeout] or [ErrOpen]. package cache takes each of
// them for an outage: GetOrSet answers from its loader.
//
// # What it changes
//
// Nothing that is stored: Unwrap leads to the store behind it. In front of a
// store in memory there is no use for it. Around a shard.Store a circuit would
// be one for all shards: give each shard its own instead.
//
// # Concurrency
//
// All methods are safe for concurrent use. There are no goroutines. The circuit
// has one lock, taken twice for a call and never held over one.
package breaker
