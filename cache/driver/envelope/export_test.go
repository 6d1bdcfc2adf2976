package envelope

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/stratacache/strata/cache/driver"
)

// Reseal returns a copy of blob with the right magic, version, key and sums,
// as far as it is long enough.
func Reseal(key driver.Key, blob []byte) []byte {
	b := slices.Clone(blob)
	if len(b) < HeaderLen {
		return b
	}
	copy(b, magic)
	b[2] = version
	binary.BigEndian.PutUint64(b[keyAt:], fingerprint(key))
	body := HeaderLen + uint64(binary.BigEndian.Uint32(b[tagsLenAt:]))
	if body > uint64(len(b)) {
		return b
	}
	binary.BigEndian.PutUint32(b[lengthAt:], uint32(uint64(len(b))-body))
	var digits []byte
	if driver.Kind(b[3]) == driver.Integer {
		digits = b[body:]
	}
	binary.BigEndian.PutUint32(b[SealAt:], seal(b[TokenAt:SealAt], digits))
	binary.BigEndian.PutUint32(b[LifeAt+16:], crc32.Checksum(b[LifeAt:LifeAt+16], castagnoli()))
	binary.BigEndian.PutUint32(b[sumAt:], checksum(b, int(body)))
	return b
}
