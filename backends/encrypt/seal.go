package encrypt

import (
	"crypto/rand"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/stratacache/strata/cache/driver"
)

// An encrypted payload is
//
//	1   driver.Encrypted
//	1   version
//	4   number of the key
//	1   kind that the entry had
//	24  nonce
//	n   ciphertext
//	16  tag
//
// and the tag also covers the first seven bytes and what [sealer.bound] appends
// to them.
const (
	version    = 1
	idAt       = 2
	kindAt     = 6
	nonceAt    = 7
	bodyAt     = nonceAt + chacha20poly1305.NonceSizeX
	minSealed  = bodyAt + chacha20poly1305.Overhead
	schemaSize = 8
)

// sealer implements coded.Codec.
type sealer struct {
	ring        ring
	context     string
	acceptPlain bool
}

// bound appends what an entry is bound to. Each part has a length of its own, so
// that no two different entries are bound to the same bytes.
func (s *sealer) bound(header []byte, key driver.Key, schema uint64) []byte {
	b := make([]byte, 0, len(header)+schemaSize+8+len(s.context)+key.Len())
	b = append(b, header...)
	b = binary.BigEndian.AppendUint64(b, schema)
	b = binary.BigEndian.AppendUint64(b, uint64(len(s.context)))
	b = append(b, s.context...)
	b = append(b, key.Scope...)
	return append(b, key.Name...)
}

// Encode encrypts a payload.
func (s *sealer) Encode(key driver.Key, e *driver.Entry) *driver.Entry {
	if e.Kind != driver.Bytes && e.Kind != driver.Coded {
		return e // the server counts, and knows what counts as absent
	}
	p := make([]byte, bodyAt, minSealed+len(e.Payload))
	p[0], p[1], p[kindAt] = byte(driver.Encrypted), version, byte(e.Kind)
	binary.BigEndian.PutUint32(p[idAt:], s.ring.writes.id)
	_, _ = rand.Read(p[nonceAt:]) // never fails
	c := e.Clone()
	c.Kind = driver.Coded
	c.Payload = s.ring.writes.aead().Seal(p, p[nonceAt:bodyAt], e.Payload, s.bound(p[:nonceAt], key, e.Schema))
	return c
}

// Decode decrypts what Encode has encrypted.
func (s *sealer) Decode(key driver.Key, e *driver.Entry) (*driver.Entry, error) {
	switch {
	case e.Kind != driver.Bytes && e.Kind != driver.Coded:
		return e, nil
	case e.Kind == driver.Bytes, len(e.Payload) == 0, driver.Coding(e.Payload[0]) != driver.Encrypted:
		if s.acceptPlain {
			return e, nil
		}
		return nil, driver.ErrForeign
	case len(e.Payload) > 1 && e.Payload[1] != version:
		return nil, driver.ErrNewer
	case len(e.Payload) < minSealed:
		return nil, driver.ErrCorrupt
	}
	p := e.Payload
	aead, ok := s.ring.reads[binary.BigEndian.Uint32(p[idAt:])]
	if !ok {
		return nil, driver.ErrCorrupt
	}
	plain, err := aead().Open(nil, p[nonceAt:bodyAt], p[bodyAt:], s.bound(p[:nonceAt], key, e.Schema))
	if err != nil {
		return nil, driver.ErrCorrupt
	}
	c := e.Clone()
	c.Kind, c.Payload = driver.Kind(p[kindAt]), plain
	return c, nil
}
