package encrypt

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeySize is the length of a key's secret in bytes.
const KeySize = chacha20poly1305.KeySize

// A Key is a secret and the number by which entries name it. It never shows the
// secret, however it is printed.
type Key struct {
	id uint32
	// aead is a function, because fmt looks into everything else: a struct that
	// holds a Key in a field of its own does not print it by its Format.
	aead func() cipher.AEAD
}

// NewKey makes a key of [KeySize] random bytes, which the caller may wipe
// afterwards. A number stands for one secret for ever; with another one under
// its number, what was stored is a miss.
func NewKey(id uint32, secret []byte) (Key, error) {
	if len(secret) != KeySize {
		return Key{}, fmt.Errorf("encrypt: the secret of key %d has %d bytes, not %d", id, len(secret), KeySize)
	}
	aead, err := chacha20poly1305.NewX(secret)
	if err != nil {
		return Key{}, fmt.Errorf("encrypt: key %d: %w", id, err)
	}
	return Key{id: id, aead: func() cipher.AEAD { return aead }}, nil
}

// ID is the number of the key.
func (k Key) ID() uint32 { return k.id }

// String returns the number of the key.
func (k Key) String() string { return fmt.Sprintf("key %d", k.id) }

// Format implements fmt.Formatter: every verb prints what String returns.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// ring is the keys by their numbers. The first one given writes.
type ring struct {
	writes Key
	reads  map[uint32]func() cipher.AEAD
}

func newRing(keys []Key) (ring, error) {
	if len(keys) == 0 {
		return ring{}, errors.New("encrypt: no key")
	}
	r := ring{writes: keys[0], reads: make(map[uint32]func() cipher.AEAD, len(keys))}
	for _, k := range keys {
		if k.aead == nil {
			return ring{}, errors.New("encrypt: a key that NewKey did not make")
		}
		if _, twice := r.reads[k.id]; twice {
			return ring{}, fmt.Errorf("encrypt: two keys have the number %d", k.id)
		}
		r.reads[k.id] = k.aead
	}
	return r, nil
}
