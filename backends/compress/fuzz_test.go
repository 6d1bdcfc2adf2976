package compress_test

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/stratacache/strata/backends/compress"
	"github.com/stratacache/strata/cache/driver"
)

const fuzzLimit = 1 << 20

// hostile are payloads that claim much.
func hostile(t testing.TB) map[string][]byte {
	t.Helper()
	frame := func(size int, opts ...zstd.EOption) []byte {
		enc, err := zstd.NewWriter(nil, append(opts, zstd.WithEncoderConcurrency(1))...)
		if err != nil {
			t.Fatal(err)
		}
		return enc.EncodeAll(make([]byte, size), nil)
	}
	var stream bytes.Buffer // says no size
	enc, err := zstd.NewWriter(&stream, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = enc.Write(make([]byte, 64<<20))
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"S2 of 4 GiB":              append(header(1, 1<<32-1), 0xff, 0xff, 0xff, 0xff, 0x0f),
		"S2 that says 2^63":        append(header(1, 1<<63), 0),
		"S2 that says two sizes":   append(header(1, fuzzLimit), 0xff, 0xff, 0xff, 0xff, 0x0f),
		"Zstd over the limit":      append(header(2, fuzzLimit+1), frame(fuzzLimit+1)...),
		"Zstd that says less":      append(header(2, 10), frame(64<<20)...),
		"Zstd that says no size":   append(header(2, 10), stream.Bytes()...),
		"two frames of Zstd":       slices.Concat(header(2, 1000), frame(1000, zstd.WithSingleSegment(true)), stream.Bytes()),
		"a frame and a good frame": slices.Concat(header(2, fuzzLimit), frame(fuzzLimit), frame(fuzzLimit)),
	}
}

// No payload makes a reader allocate much more than the limit.
func TestBombs(t *testing.T) {
	bombs := hostile(t)
	codec := compress.CodecOf(compress.Options{Algorithm: compress.Zstd, MaxInflated: fuzzLimit})
	_, _ = codec.Inflate(codec.Compress(html(10_000))) // makes what is made once
	for name, p := range bombs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := codec.Inflate(p)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, driver.ErrCorrupt) {
			t.Errorf("%s: got %d bytes and error %v, want %v", name, len(got), err, driver.ErrCorrupt)
		}
		// One payload, one block for a liar, and the decoder.
		if n := after.TotalAlloc - before.TotalAlloc; n > 4*fuzzLimit {
			t.Errorf("%s: got %d bytes allocated, want about %d", name, n, fuzzLimit)
		}
	}
}

func FuzzInflate(f *testing.F) {
	for _, p := range hostile(f) {
		if len(p) < 1<<16 {
			f.Add(p)
		}
	}
	for _, a := range algorithms {
		f.Add(compress.CodecOf(compress.Options{Algorithm: a}).Compress(html(3000)))
	}
	codec := compress.CodecOf(compress.Options{MaxInflated: fuzzLimit})
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, p := range [][]byte{p, append(header(1, uint64(len(p))), p...), append(header(2, 100), p...)} {
			got, err := codec.Inflate(p)
			switch {
			case err == nil && len(got) > fuzzLimit:
				t.Errorf("got %d bytes, want at most %d", len(got), fuzzLimit)
			case err != nil && !errors.Is(err, driver.ErrCorrupt) && !errors.Is(err, driver.ErrNewer):
				t.Errorf("got error %v", err)
			}
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(html(3000))
	codecs := make(map[string]compress.Codec)
	for name, a := range algorithms {
		codecs[name] = compress.CodecOf(compress.Options{Algorithm: a})
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		for name, codec := range codecs {
			got, err := codec.Inflate(codec.Compress(p))
			if err != nil || !bytes.Equal(got, p) {
				t.Errorf("%s: got %d bytes and error %v, want the %d bytes", name, len(got), err, len(p))
			}
		}
	})
}
