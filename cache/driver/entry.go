package driver

import (
	"math"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"
)

// Token is the fence under a key: random, new with each placeholder and each
// stored entry. Zero means that there is none, and never fences anything.
type Token uint64

// NewToken is random and not 0. Tokens need to differ, not to be secret: nobody
// gains by guessing one. math/rand/v2 is seeded by the system.
func NewToken() Token {
	for {
		if t := rand.Uint64(); t != 0 {
			return Token(t)
		}
	}
}

// Stamp is a position in the order of a namespace's invalidations. Stamps of
// different epochs do not compare. N stays below 2^53, because Lua counts in
// doubles.
type Stamp struct {
	Epoch uint64
	N     uint64
}

// Fence is what a reader saw before it began to load: the token under the key
// and the clock. What it loads may be stored only while both still hold.
type Fence struct {
	Token Token
	Stamp Stamp
}

// Kind says what an entry's payload is.
type Kind uint8

const (
	// Bytes is an encoded value, opaque to the store.
	Bytes Kind = iota
	// Integer is a counter: the payload is a canonical decimal int64, which
	// [Store.Incr] works on.
	Integer
	// Negative is the remembered answer "there is no such thing". It counts as
	// absent for everything but reading: Add stores over it, Incr and Touch do not
	// see it, Invalidate removes it without counting it.
	Negative
	// Coded is Bytes that a wrapper around the store has changed and alone can
	// read: its payload begins with the wrapper's [Coding]. A store treats it as
	// Bytes. To a reader without the wrapper it is an entry of a newer format, and
	// so a miss.
	Coded
)

// Coding is the first byte of a Coded payload: who made it. What follows is the
// wrapper's own.
type Coding byte

// The wrappers of this module. Others begin at 128.
const (
	Compressed Coding = 1
	Encrypted  Coding = 2
	Copied     Coding = 3 // by package cache, into a tier in front of the store
)

// Forever is the Expires of an entry that does not expire.
const Forever int64 = math.MaxInt64

// Life is when an entry stops being fresh and when it ends, as Unix
// nanoseconds of the writer's clock. Fresh ≤ Expires. At the instant Expires
// the entry is gone. A store may round Expires to its own clock, and keeps Fresh
// to the last digit: the cache writes there more than a time.
type Life struct {
	Fresh   int64
	Expires int64
}

// Ended reports whether the entry has ended at now.
func (l Life) Ended(now time.Time) bool {
	return l.Expires != Forever && now.UnixNano() >= l.Expires
}

// Remaining is the time until the entry ends, at least 0. It is meaningless
// for an entry that lives [Forever].
func (l Life) Remaining(now time.Time) time.Duration {
	return max(0, time.Duration(l.Expires-now.UnixNano()))
}

// Entry is one stored value. Once a store has stored it, it is immutable: a
// store that keeps entries in memory hands the same *Entry to many readers.
type Entry struct {
	Token Token
	Stamp Stamp
	Life  Life
	Kind  Kind
	// Schema identifies codec and type of the payload; 0 means plain bytes.
	Schema uint64
	// Cost is how long the load took that made the value.
	Cost time.Duration
	// Tags are all tags of the entry but TagAll.
	Tags    []string
	Payload []byte

	decoded atomic.Pointer[any]
}

// Decoded returns the value that [Entry.Keep] attached, or nil.
func (e *Entry) Decoded() any {
	if p := e.decoded.Load(); p != nil {
		return *p
	}
	return nil
}

// Keep attaches the decoded form of the payload, so that later readers of a
// store that keeps entries in memory decode nothing. It never travels, and the
// first one stays. The cache attaches only what all readers may share.
func (e *Entry) Keep(v any) { e.decoded.CompareAndSwap(nil, &v) }

// Clone returns a copy that a store may be given. It shares payload and tags,
// which nobody changes, and leaves the decoded value behind.
func (e *Entry) Clone() *Entry {
	return &Entry{
		Token: e.Token, Stamp: e.Stamp, Life: e.Life, Kind: e.Kind, Schema: e.Schema,
		Cost: e.Cost, Tags: e.Tags, Payload: e.Payload,
	}
}

// Integer is the value of an Integer entry. Any other entry, and a payload that is
// no canonical decimal, is ErrNotInteger.
func (e *Entry) Integer() (int64, error) {
	if e.Kind != Integer {
		return 0, ErrNotInteger
	}
	n, err := strconv.ParseInt(string(e.Payload), 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != string(e.Payload) {
		return 0, ErrNotInteger
	}
	return n, nil
}

// Size is the number of bytes that the entry holds, for accounting.
func (e *Entry) Size() int {
	n := len(e.Payload)
	for _, t := range e.Tags {
		n += len(t)
	}
	return n
}
