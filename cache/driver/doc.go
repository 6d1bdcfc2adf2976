// Package driver is what a backend implements. Applications import
// [github.com/stratacache/strata/cache] and never this package.
//
// # What a backend is
//
// A [Store] is one namespace: entries under final keys, and one meta record
// (a random epoch, a counter, and the stamps of invalidated tags) that guards
// them. Composing keys, encoding values, loading, and deciding what is fresh
// are the cache's work; keeping an entry, and refusing the wrong one, is the
// store's. The rules a store keeps:
//
//   - Fence: [Fill] and [SetFenced] store only while exactly the token that the
//     caller saw still stands under the key. Absent means refused.
//   - Strict advance: each [Store.Invalidate], and each [Store.Put] that is not
//     a [Fill], advances the counter by one, in one step with its effect.
//   - Validity at every read: an entry is returned only if its epoch is the
//     current one and no tag of it, nor [TagAll], has a stamp greater than the
//     entry's own. Equal is valid: the load began after the invalidation.
//   - One record: epoch, counter and tag stamps live and die together. Whoever
//     finds none makes one with a new random epoch; every older entry is then
//     invalid.
//
// The rules hold for whatever else happens: eviction, restarts, lost replies.
// Losing an entry, a token or the meta record costs a load, never truth.
//
// # What a backend can rely on
//
// Keys and tags are arbitrary bytes of bounded length, already composed and
// validated. An entry passed to Put belongs to the store from then on: it may
// set Token and Stamp and keep the pointer. Nothing is called after Close
// except Close. Methods are called concurrently.
//
// # What a backend must do
//
// End a call soon after its context ends. Return an error only for an outage
// (or for one of this package's sentinels): a miss is not an error. Never
// return an entry at or past its Expires. The conformance suite in
// [github.com/stratacache/strata/cache/drivertest] states each rule where it
// fails; its documentation says how to run it.
package driver
