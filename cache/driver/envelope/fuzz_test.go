package envelope_test

import (
	"bytes"
	"testing"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// Whatever Decode takes is exactly what Encode makes of the result, so there
// is one envelope for each entry. (Encode knows how to make sums that fit, so
// the bytes are sealed first: otherwise the fuzzer would hardly ever get past
// them.)
func FuzzDecode(f *testing.F) {
	for _, e := range samples() {
		blob := envelope.Encode(nil, key, e)
		f.Add(key.Scope, key.Name, blob, 0, byte(0))
		f.Add(key.Scope, key.Name, blob, len(blob)/2, byte(1))
	}
	f.Add("", "", envelope.Placeholder(1), 3, byte(0))
	f.Add("", "", []byte("ST"), 0, byte(0))
	f.Add("", "", []byte("$5\r\nhello"), 0, byte(0))
	f.Fuzz(func(t *testing.T, scope, name string, blob []byte, at int, flip byte) {
		key := driver.Key{Scope: scope, Name: name}
		for _, b := range [][]byte{blob, envelope.Reseal(key, blob)} {
			e, err := envelope.Decode(key, b)
			if err != nil {
				if e != nil {
					t.Fatalf("got an entry with the error %v", err)
				}
				continue
			}
			if again := envelope.Encode(nil, key, e); !bytes.Equal(again, b) {
				t.Fatalf("encoded again: got %x, want %x", again, b)
			}
			if flip == 0 || at < 0 {
				continue
			}
			bad := bytes.Clone(b)
			bad[at%len(bad)] ^= flip
			if got, err := envelope.Decode(key, bad); err == nil {
				t.Fatalf("byte %d changed by %#02x: got %+v", at%len(bad), flip, got)
			}
		}
	})
}
