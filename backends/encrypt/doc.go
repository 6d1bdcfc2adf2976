// Package encrypt wraps a store, and encrypts what goes into it.
//
//	key, err := encrypt.NewKey(1, secret) // 32 random bytes
//	s, err := encrypt.New(redis, []encrypt.Key{key}, nil)
//	c, err := cache.New(s, nil)
//
// # What is protected
//
// Payloads are encrypted and authenticated with XChaCha20-Poly1305. Each is
// bound to its key (prefix, version and name), to the type of the value, and to
// [Options].Context: whoever can write to the server can neither change a value,
// nor make one up, nor put one in the place of another. Such an entry is a miss
// with driver.ErrCorrupt, and the load that follows replaces it.
//
// # What is not
//
//   - Keys, tags, lifetimes, sizes and the cost of loads can be read. Do not put
//     secrets into keys. [crypto/hmac] makes names of them.
//   - Counters and remembered not-founds are plain, because the server works on
//     them: it can be seen and changed what they are, and anybody who can write
//     can put either under any key.
//   - Lifetimes, stamps and tags change or are judged on the server, and cannot be
//     bound. Whoever can write there can bring back what was once the value of the
//     same key, keep it from ending or from being invalidated, and drop anything.
//   - The size of a compressed value tells something of what is in it, to somebody
//     who can choose a part of it.
//
// # The cipher
//
// XChaCha20-Poly1305 has nonces of 24 bytes, which can be random for any number
// of values under one key. AES-GCM is up to 1.7 times as fast where the processor
// helps (BenchmarkSeal), but its random nonces of 12 bytes are safe for 2^32
// values only, which a busy cache stores in days. A payload grows by 47 bytes.
//
// # Rotation
//
// The first key of a ring encrypts, and all of them decrypt. To change keys
// without a miss: give every process the new key as a second one; then as the
// first, before the old one; and when the longest lifetime has passed, without
// the old one. After a secret has leaked, drop it at once: what it encrypted is a
// miss. A key's number is stored with each entry.
//
// # A store in use
//
// What was stored before the wrapper was there is refused, as a miss with
// driver.ErrForeign that a load replaces. [Options].AcceptPlain reads it instead.
// A program without the wrapper that reads an encrypted entry finds one of a
// newer format, which is a miss.
//
// # Limits
//
// Touch and the count of a delete ask the store alone, to which an entry that
// cannot be decrypted is one like any other. Add replaces it; to see that, an
// Add that is refused takes another trip. Moving an entry decrypts it and
// encrypts it again, in several steps: see driver.Move.
//
// The wrapper is no near tier. A near tier in front of it holds plain values, in
// the memory of this process. It follows the log of a store that keeps one
// (driver.LogReader), which holds keys and tags and no values.
//
// # Order
//
// Encrypted bytes do not compress: compress.New over encrypt.New over the store.
//
// # Concurrency, errors, closing
//
// All methods are as safe and fail as those of the store. There are no
// goroutines. Close closes the store. Secrets are in no error and in no string.
package encrypt
