package envelope_test

import (
	"fmt"
	"testing"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

func BenchmarkEnvelope(b *testing.B) {
	for _, size := range []int{100, 8 << 10} {
		e := &driver.Entry{Payload: make([]byte, size)}
		blob := envelope.Encode(nil, key, e)
		b.Run(fmt.Sprintf("encode/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			buf := make([]byte, 0, len(blob))
			for b.Loop() {
				buf = envelope.Encode(buf[:0], key, e)
			}
		})
		b.Run(fmt.Sprintf("decode/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := envelope.Decode(key, blob); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
