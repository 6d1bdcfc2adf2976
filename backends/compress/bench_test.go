package compress_test

import (
	"context"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/stratacache/strata/backends/compress"
	"github.com/stratacache/strata/cache/driver"
)

const pageSize = 10_000

// BenchmarkCompress stores a page of 10 KB through the wrapper, beside the codec
// alone.
func BenchmarkCompress(b *testing.B) {
	page := html(pageSize)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithWindowSize(256<<10))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("S2/codec", func(b *testing.B) {
		measure(b, func() int { return len(s2.Encode(nil, page)) })
	})
	b.Run("S2/store", func(b *testing.B) { put(b, page, nil) })
	b.Run("Zstd/codec", func(b *testing.B) {
		measure(b, func() int { return len(enc.EncodeAll(page, nil)) })
	})
	b.Run("Zstd/store", func(b *testing.B) { put(b, page, &compress.Options{Algorithm: compress.Zstd}) })
	b.Run("too-small/store", func(b *testing.B) { put(b, page[:1000], nil) })
}

// BenchmarkInflate reads it.
func BenchmarkInflate(b *testing.B) {
	page := html(pageSize)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithWindowSize(256<<10))
	if err != nil {
		b.Fatal(err)
	}
	dec, err := zstd.NewReader(nil)
	if err != nil {
		b.Fatal(err)
	}
	defer dec.Close()
	byS2, byZstd := s2.Encode(nil, page), enc.EncodeAll(page, nil)
	b.Run("S2/codec", func(b *testing.B) {
		measure(b, func() int { p, _ := s2.Decode(nil, byS2); return len(p) })
	})
	b.Run("S2/store", func(b *testing.B) { read(b, page, nil) })
	b.Run("Zstd/codec", func(b *testing.B) {
		measure(b, func() int { p, _ := dec.DecodeAll(byZstd, nil); return len(p) })
	})
	b.Run("Zstd/store", func(b *testing.B) { read(b, page, &compress.Options{Algorithm: compress.Zstd}) })
}

func measure(b *testing.B, do func() int) {
	b.ReportAllocs()
	b.SetBytes(pageSize)
	n := 0
	for b.Loop() {
		n = do()
	}
	b.ReportMetric(float64(n), "bytes")
}

func put(b *testing.B, page []byte, o *compress.Options) {
	s, inner := over(b, o)
	e := entry(page)
	measure(b, func() int {
		if _, err := s.Put(context.Background(), key("k"), e.Clone(), driver.Set, 0); err != nil {
			b.Fatal(err)
		}
		return 0
	})
	b.ReportMetric(float64(len(get(b, inner, key("k"), 0).Entry.Payload)), "bytes")
}

func read(b *testing.B, page []byte, o *compress.Options) {
	s, _ := over(b, o)
	set(b, s, key("k"), entry(page))
	measure(b, func() int {
		r, err := s.Get(context.Background(), key("k"), 0)
		if err != nil || r.Entry == nil {
			b.Fatal("a miss")
		}
		return len(r.Entry.Payload)
	})
}
