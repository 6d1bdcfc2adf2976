package encrypt_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/stratacache/strata/cache/driver"
)

// byHand seals a value as the format says, with the key that newKey makes of 1
// and a nonce of zeros.
func byHand(t testing.TB, k driver.Key, value string) []byte {
	t.Helper()
	aead, err := chacha20poly1305.NewX(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	header := []byte{byte(driver.Encrypted), 1, 0, 0, 0, 1, byte(driver.Bytes)}
	schema, contextLen := make([]byte, 8), make([]byte, 8)
	nonce := make([]byte, 24)
	bound := slices.Concat(header, schema, contextLen, []byte(k.String()))
	return aead.Seal(slices.Concat(header, nonce), nonce, []byte(value), bound)
}

// What is stored today is read tomorrow.
func TestFormat(t *testing.T) {
	t.Parallel()
	inner := memory(t)
	put(t, inner, key("k"), kind(entry(string(byHand(t, key("k"), "a value"))), driver.Coded), driver.Set, 0)
	want(t, wrap(t, inner, nil), key("k"), "a value", nil)
}

// No payload is read but one that was sealed, whatever it looks like.
func FuzzOpen(f *testing.F) {
	s := wrap(f, memory(f), nil, 1, 2)
	sealed := byHand(f, key("k"), "a value")
	f.Add(sealed)
	f.Add(sealed[:47])
	f.Add([]byte(nil))
	f.Add([]byte{byte(driver.Encrypted), 1, 0, 0, 0, 1, 3})
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, k := range []driver.Kind{driver.Bytes, driver.Coded} {
			e := kind(entry(string(p)), k)
			got, err := s.Open(key("k"), e)
			switch {
			case err == nil && (k != driver.Coded || !bytes.Equal(p, sealed)):
				t.Errorf("got %q from bytes that were not sealed", got.Payload)
			case err != nil && !errors.Is(err, driver.ErrCorrupt) && !errors.Is(err, driver.ErrForeign) && !errors.Is(err, driver.ErrNewer):
				t.Errorf("got error %v", err)
			}
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	s := wrap(f, memory(f), nil)
	f.Add([]byte("a value"), "scope", "name", uint64(7))
	f.Fuzz(func(t *testing.T, p []byte, scope, name string, schema uint64) {
		k := driver.Key{Scope: scope, Name: name}
		e := entry(string(p))
		e.Schema = schema
		sealed := s.Seal(k, e)
		got, err := s.Open(k, sealed)
		if err != nil || !bytes.Equal(got.Payload, p) || got.Kind != driver.Bytes || got.Schema != schema {
			t.Errorf("got %+v and error %v, want what was sealed", got, err)
		}
		if _, err := s.Open(driver.Key{Scope: scope, Name: name + "x"}, sealed); !errors.Is(err, driver.ErrCorrupt) {
			t.Errorf("under another key: got error %v, want %v", err, driver.ErrCorrupt)
		}
	})
}
