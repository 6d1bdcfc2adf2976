package encrypt_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/stratacache/strata/cache/driver"
)

// BenchmarkSeal encrypts through the wrapper, beside the cipher alone, and
// beside AES-GCM, which was not taken.
func BenchmarkSeal(b *testing.B) {
	for _, size := range []int{100, 10_000} {
		p := make([]byte, size)
		for name, aead := range ciphers(b) {
			b.Run(fmt.Sprintf("%d/%s", size, name), func(b *testing.B) {
				ad := []byte("what the entry is bound to")
				measure(b, size, func() {
					nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+size+aead.Overhead())
					_, _ = rand.Read(nonce)
					aead.Seal(nonce, nonce, p, ad)
				})
			})
		}
		b.Run(fmt.Sprintf("%d/store", size), func(b *testing.B) {
			s, e := wrap(b, memory(b), nil), entry(string(p))
			measure(b, size, func() { s.Seal(key("k"), e) })
		})
		b.Run(fmt.Sprintf("%d/store-over-locmem", size), func(b *testing.B) {
			s, e := wrap(b, memory(b), nil), entry(string(p))
			measure(b, size, func() {
				if _, err := s.Put(context.Background(), key("k"), e, driver.Set, 0); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// BenchmarkOpen decrypts.
func BenchmarkOpen(b *testing.B) {
	for _, size := range []int{100, 10_000} {
		p := make([]byte, size)
		for name, aead := range ciphers(b) {
			b.Run(fmt.Sprintf("%d/%s", size, name), func(b *testing.B) {
				ad := []byte("what the entry is bound to")
				nonce := make([]byte, aead.NonceSize())
				sealed := aead.Seal(nil, nonce, p, ad)
				measure(b, size, func() {
					if _, err := aead.Open(nil, nonce, sealed, ad); err != nil {
						b.Fatal(err)
					}
				})
			})
		}
		b.Run(fmt.Sprintf("%d/store-over-locmem", size), func(b *testing.B) {
			s := wrap(b, memory(b), nil)
			put(b, s, key("k"), entry(string(p)), driver.Set, 0)
			measure(b, size, func() {
				if r, err := s.Get(context.Background(), key("k"), 0); err != nil || r.Entry == nil {
					b.Fatal("a miss")
				}
			})
		})
	}
}

func ciphers(b *testing.B) map[string]cipher.AEAD {
	secret := make([]byte, 32)
	x, err := chacha20poly1305.NewX(secret)
	if err != nil {
		b.Fatal(err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	return map[string]cipher.AEAD{"XChaCha20-Poly1305": x, "AES-256-GCM": gcm}
}

func measure(b *testing.B, size int, do func()) {
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		do()
	}
}
