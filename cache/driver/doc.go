// Package driver is what a backend implements. Applications import
// [github.com/stratacache/strata/cache] and never this package.
//
// # What a backend is
//
// A [Store] is one namespace: entries under final keys, and one meta record
// (a random epoch, a counter, and the stamps of invalidated tags) that guards
// them.
//
// Composing keys, encoding values, loading, and deciding what is fresh are the
// cache's work; keeping an entry, and refusing the wrong one, is the store's.
// The rules:
//
//   - Fence: [Fill] and [SetFenced] store only while exactly the token that the
//     caller saw still stands under the key. Absent means refused, and so does
//     token 0.
//   - Strict advance: what changes what a reader may see advances the counter,
//     in one step with its effect (see the table).
//   - Validity at every read: an entry is returned only if its epoch is the
//     current one and no tag of it, nor [TagAll], has a stamp greater than the
//     entry's own. Equal is valid: the load began after the invalidation. An
//     entry that is not valid counts as absent everywhere. Some tags only
//     expire some entries, see [Entry.Judge]: such an entry is returned, marked,
//     and absent for all that does not read.
//   - One record: epoch, counter and tag stamps live and die together. Whoever
//     finds none makes one with a new random epoch, never 0; every older entry
//     is then invalid. A tag's stamp is forgotten only with its epoch.
//
// What each step does to the clock and to the entry:
//
//	                     advances        token      stamp of the entry
//	Get                  no              placeholder gets one
//	Put Set              yes             new        the clock, advanced
//	Put Add, stored      yes             new        the clock, advanced
//	Put Add, not stored  no              –          –
//	Put Fill             no              new        as given
//	Put SetFenced        yes             new        as given; refused: removed
//	Touch                if touched      kept       kept
//	Incr                 if it creates   new        kept; created: as Add
//	Invalidate           yes, once       removed    –
//	Move                 if moved (*)    new        kept, with tags and life
//
// Sets of different keys that come at once may be one step, and so may be
// invalidations: it advances the clock by as many as they are, and has one number.
//
// (*) Of a store that is no [Mover] twice. In place of the clock, advanced, an
// entry may carry an older stamp with which it is valid.
//
// A store that cannot do a step at once does all effects before the last
// advance, and gives a tag the number of an advance that came before it was
// written: whoever reads the clock and then the key must never see the new
// number with the old state.
//
// The rules hold for whatever else happens: eviction, restarts, lost replies.
// Losing an entry, a token or the meta record costs a load, never truth.
//
// # What a backend can rely on
//
// Keys and tags are arbitrary bytes, already composed and validated; the length
// of a key is bounded by the client (250 bytes by default), that of a tag by 202
// bytes. An entry passed to Put belongs to the store from then on: it may
// set Token and Stamp and keep the pointer. Nothing is called after Close
// except Close. Methods are called concurrently.
//
// # What a backend must do
//
// End a call soon after its context ends. Return an error only for an outage
// (or for one of this package's sentinels): a miss is not an error. Answer a
// mode or a field that it does not know with [errors.ErrUnsupported]. Never
// return an entry at or past its Expires, judged by the server's clock where the
// server keeps time. The conformance suite in
// [github.com/stratacache/strata/cache/drivertest] states each rule where it
// fails; its documentation says how to run it.
package driver
