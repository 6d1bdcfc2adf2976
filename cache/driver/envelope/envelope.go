package envelope

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Where things lie: see the package documentation.
const (
	TokenAt    = 4
	ClockAt    = 12 // epoch and stamp, 16 bytes
	SealAt     = 28
	LifeAt     = 32 // fresh, expires and their sum, 20 bytes
	sumAt      = 52
	keyAt      = 56
	schemaAt   = 64
	costAt     = 72
	tagCountAt = 76
	tagsLenAt  = 78
	lengthAt   = 82
	// HeaderLen is the length of what every envelope of an entry has.
	HeaderLen = 86
	// PlaceholderLen is the length of a placeholder.
	PlaceholderLen = 12
)

const (
	magic       = "ST"
	version     = 1
	placeholder = 'P'
	stampLimit  = 1 << 53 // a script counts in doubles
)

// Len is the length of e's envelope.
func Len(e *driver.Entry) int { return HeaderLen + tagsLen(e.Tags) + len(e.Payload) }

func tagsLen(tags []string) int {
	n := 0
	for _, t := range tags {
		n += 2 + len(t)
	}
	return n
}

// Fits reports whether e can be encoded: its payload and its tags together are
// shorter than 4 GiB each, and there are no more than 65535 tags of as many
// bytes.
func Fits(e *driver.Entry) bool {
	if uint64(len(e.Payload)) >= math.MaxUint32 || len(e.Tags) > math.MaxUint16 || uint64(tagsLen(e.Tags)) >= math.MaxUint32 {
		return false
	}
	for _, t := range e.Tags {
		if len(t) > math.MaxUint16 {
			return false
		}
	}
	return e.Stamp.N < stampLimit
}

// Encode appends the envelope of e under key to dst. What [Fits] refuses makes
// an envelope that Decode refuses.
func Encode(dst []byte, key driver.Key, e *driver.Entry) []byte {
	start := len(dst)
	dst = append(dst, magic[0], magic[1], version, byte(e.Kind))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Token))
	dst = binary.BigEndian.AppendUint64(dst, e.Stamp.Epoch)
	dst = binary.BigEndian.AppendUint64(dst, e.Stamp.N)
	dst = binary.BigEndian.AppendUint32(dst, seal(dst[start+TokenAt:], digits(e)))
	dst = AppendLife(dst, e.Life)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, fingerprint(key))
	dst = binary.BigEndian.AppendUint64(dst, e.Schema)
	dst = binary.BigEndian.AppendUint32(dst, uint32(min(max(e.Cost/time.Microsecond, 0), math.MaxUint32)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(e.Tags)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(tagsLen(e.Tags)))
	length := uint32(len(e.Payload))
	if !Fits(e) {
		length = math.MaxUint32 // never adds up
	}
	dst = binary.BigEndian.AppendUint32(dst, length)
	for _, t := range e.Tags {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(t)))
		dst = append(dst, t...)
	}
	dst = append(dst, e.Payload...)
	blob := dst[start:]
	binary.BigEndian.PutUint32(blob[sumAt:], checksum(blob, len(blob)-len(e.Payload)))
	return dst
}

// AppendLife appends the 20 bytes that stand at LifeAt.
func AppendLife(dst []byte, l driver.Life) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint64(dst, uint64(l.Fresh))
	dst = binary.BigEndian.AppendUint64(dst, uint64(l.Expires))
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli()))
}

// Placeholder is what stands under a key while somebody loads its value.
func Placeholder(t driver.Token) []byte {
	b := make([]byte, 0, PlaceholderLen)
	b = append(b, magic[0], magic[1], version, placeholder)
	return binary.BigEndian.AppendUint64(b, uint64(t))
}

// Token returns the token in the envelope of an entry or a placeholder, even of
// a corrupt one: a writer that saw exactly this token may replace it. It is 0
// for anything that this version did not write.
func Token(blob []byte) driver.Token {
	if len(blob) < PlaceholderLen || string(blob[:2]) != magic || blob[2] != version {
		return 0
	}
	return driver.Token(binary.BigEndian.Uint64(blob[TokenAt:]))
}

// castagnoli is made once by the standard library.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// checksum is the sum at sumAt of a blob whose payload begins at body.
func checksum(blob []byte, body int) uint32 {
	table := castagnoli()
	sum := crc32.Update(0, table, blob[:TokenAt])
	if driver.Kind(blob[3]) == driver.Integer {
		sum = crc32.Update(sum, table, blob[keyAt:lengthAt])
		return crc32.Update(sum, table, blob[HeaderLen:body])
	}
	return crc32.Update(sum, table, blob[keyAt:])
}

// digits is the part of the payload that the seal covers.
func digits(e *driver.Entry) []byte {
	if e.Kind == driver.Integer {
		return e.Payload
	}
	return nil
}

// seal is Adler-32 over both parts.
func seal(clock, digits []byte) uint32 {
	const (
		mod  = 65521
		most = 2048 // bytes for which 32 bits hold the sums
	)
	a, b := uint32(1), uint32(0)
	for _, part := range [2][]byte{clock, digits} {
		for len(part) > 0 {
			n := min(len(part), most)
			for _, c := range part[:n] {
				a += uint32(c)
				b += a
			}
			a, b = a%mod, b%mod
			part = part[n:]
		}
	}
	return b<<16 | a
}

// fingerprint is FNV-1a over the joined key, without joining it.
func fingerprint(key driver.Key) uint64 {
	h := uint64(14695981039346656037)
	for _, part := range [2]string{key.Scope, key.Name} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * 1099511628211
		}
	}
	return h
}
