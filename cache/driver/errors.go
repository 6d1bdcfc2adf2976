package driver

import "errors"

// What a store may return beside an outage. The cache package exports the ones
// that applications meet under the same names.
var (
	ErrMiss       = errors.New("strata: no such entry")
	ErrNotInteger = errors.New("strata: the entry is not an integer")
	ErrOverflow   = errors.New("strata: integer overflow")
	ErrTooLarge   = errors.New("strata: the value is too large")
	ErrClosed     = errors.New("strata: closed")
)

// Why something under a key could not be used (see Reading.Odd).
var (
	// ErrCorrupt is an entry whose bytes are cut, changed, or another key's.
	ErrCorrupt = errors.New("strata: corrupt entry")
	// ErrForeign is a value that Strata did not write.
	ErrForeign = errors.New("strata: foreign value")
	// ErrNewer is an entry of a later format. It is left alone: the program that
	// wrote it still reads it.
	ErrNewer = errors.New("strata: entry of a newer format")
)
