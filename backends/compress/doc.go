// Package compress wraps a store, and compresses what goes into it.
//
//	s, err := compress.New(redis, nil)
//	c, err := cache.New(s, nil)
//
// # What is compressed
//
// Payloads of [Options].Threshold bytes or more, if that saves at least an
// eighth of them. Everything else is stored as it is, and so are counters, on
// which servers count, and remembered not-founds. An entry that was stored
// before the wrapper was there is read as it is: it can be put in front of a
// store that is in use, and Threshold and Algorithm can be changed at any time,
// because either algorithm is read whatever is written.
//
// A program without the wrapper that reads a compressed entry finds one of a
// newer format, which is a miss; never compressed bytes.
//
// # Which algorithm
//
// For 10 KB of HTML, [S2] takes 5 to 8 µs to write or to read and leaves a fifth
// to a third; [Zstd] takes 15 to 30 µs and leaves a seventh. S2 is the default,
// because it costs less than the trip that it shortens. Take Zstd where memory
// or bandwidth is what you pay for; it keeps about a megabyte for each processor.
// BenchmarkCompress and BenchmarkInflate measure both beside the codec alone.
//
// # Limits
//
// What a payload says its size is, is checked against [Options].MaxInflated
// before anything is allocated. A payload that is larger, or that is not what it
// says, is a miss with driver.ErrCorrupt, and the load that follows replaces it.
// To Touch and the count of a delete, which ask the store alone, it is an entry
// like any other until then; Add replaces it, and an Add that is refused takes
// another trip to see that. There is no checksum: a store that keeps bytes
// elsewhere has its own.
//
// The wrapper is no near tier: it returns a new entry for each read, without the
// decoded value. Put memory in front of it, not under it. It follows the log of
// a store that keeps one (driver.LogReader).
//
// # Order
//
// Encrypted bytes do not compress: compress first.
//
//	compress.New(must(encrypt.New(redis, keys, nil)), nil)
//
// # Concurrency, errors, closing
//
// All methods are as safe, as atomic and fail as those of the store. There are
// no goroutines. Close closes the store.
package compress
