package compress

import "fmt"

// Algorithm is how payloads are compressed.
type Algorithm uint8

const (
	// S2 is an extension of Snappy: fast.
	S2 Algorithm = iota
	// Zstd is Zstandard at its fastest level: small.
	Zstd
)

// Options configure a [Store]. The zero value, and nil, work.
type Options struct {
	// Algorithm is S2 by default.
	Algorithm Algorithm
	// Threshold is the size in bytes from which on payloads are compressed.
	// Default 1 KiB: what is smaller travels in one packet either way.
	Threshold int64
	// MaxInflated bounds what a payload may inflate to, in bytes. What is larger
	// is stored as it is, and not read if it is compressed. Default 64 MiB, as
	// cache.Options.MaxValue.
	MaxInflated int64
}

const (
	defaultThreshold   = 1 << 10
	defaultMaxInflated = 64 << 20
)

// withDefaults returns a copy with each zero replaced, or says what is wrong.
func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	switch {
	case out.Algorithm > Zstd:
		return out, fmt.Errorf("compress: Options.Algorithm is %d, neither S2 nor Zstd", out.Algorithm)
	case out.Threshold < 0:
		return out, fmt.Errorf("compress: Options.Threshold is %d", out.Threshold)
	case out.MaxInflated < 0:
		return out, fmt.Errorf("compress: Options.MaxInflated is %d", out.MaxInflated)
	}
	if out.Threshold == 0 {
		out.Threshold = defaultThreshold
	}
	if out.MaxInflated == 0 {
		out.MaxInflated = defaultMaxInflated
	}
	if out.Threshold > out.MaxInflated {
		return out, fmt.Errorf("compress: Options.Threshold (%d) is over Options.MaxInflated (%d): nothing would be compressed", out.Threshold, out.MaxInflated)
	}
	return out, nil
}
