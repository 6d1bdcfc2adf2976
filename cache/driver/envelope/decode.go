package envelope

import (
	"encoding/binary"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// Decode returns the entry that was encoded under key. Its Payload is a part of
// blob: the caller leaves blob alone from then on.
//
// The error is one of four. driver.ErrMiss: it is a placeholder, see [Token].
// driver.ErrForeign: not ours. driver.ErrNewer: ours, of a version or kind that
// this program does not know. driver.ErrCorrupt: anything else that is odd.
func Decode(key driver.Key, blob []byte) (*driver.Entry, error) {
	if err := check(blob); err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint64(blob[keyAt:]) != fingerprint(key) {
		return nil, driver.ErrCorrupt
	}
	tagsEnd := HeaderLen + int(binary.BigEndian.Uint32(blob[tagsLenAt:]))
	tags, ok := readTags(blob[HeaderLen:tagsEnd], int(binary.BigEndian.Uint16(blob[tagCountAt:])))
	if !ok {
		return nil, driver.ErrCorrupt
	}
	e := &driver.Entry{
		Token: driver.Token(binary.BigEndian.Uint64(blob[TokenAt:])),
		Stamp: driver.Stamp{
			Epoch: binary.BigEndian.Uint64(blob[ClockAt:]),
			N:     binary.BigEndian.Uint64(blob[ClockAt+8:]),
		},
		Life: driver.Life{
			Fresh:   int64(binary.BigEndian.Uint64(blob[LifeAt:])),
			Expires: int64(binary.BigEndian.Uint64(blob[LifeAt+8:])),
		},
		Kind:    driver.Kind(blob[3]),
		Schema:  binary.BigEndian.Uint64(blob[schemaAt:]),
		Cost:    time.Duration(binary.BigEndian.Uint32(blob[costAt:])) * time.Microsecond,
		Tags:    tags,
		Payload: blob[tagsEnd:len(blob):len(blob)],
	}
	if e.Life.Fresh > e.Life.Expires || e.Stamp.N >= stampLimit || e.Kind == driver.Integer && !canonical(e.Payload) {
		return nil, driver.ErrCorrupt
	}
	return e, nil
}

// check looks at everything that can be judged without the key. After it, the
// lengths in the header add up.
func check(blob []byte) error {
	switch {
	case len(blob) < len(magic) || string(blob[:2]) != magic:
		return driver.ErrForeign
	case len(blob) < TokenAt:
		return driver.ErrCorrupt
	case blob[2] != version:
		return driver.ErrNewer
	case blob[3] == placeholder && len(blob) == PlaceholderLen:
		return driver.ErrMiss
	case blob[3] == placeholder:
		return driver.ErrCorrupt
	case driver.Kind(blob[3]) > driver.Coded:
		return driver.ErrNewer
	case len(blob) < HeaderLen:
		return driver.ErrCorrupt
	}
	body := HeaderLen + uint64(binary.BigEndian.Uint32(blob[tagsLenAt:]))
	if body+uint64(binary.BigEndian.Uint32(blob[lengthAt:])) != uint64(len(blob)) {
		return driver.ErrCorrupt
	}
	var digits []byte
	if driver.Kind(blob[3]) == driver.Integer {
		digits = blob[body:]
	}
	if binary.BigEndian.Uint32(blob[SealAt:]) != seal(blob[TokenAt:SealAt], digits) ||
		binary.BigEndian.Uint32(blob[LifeAt+16:]) != crc32.Checksum(blob[LifeAt:LifeAt+16], castagnoli()) ||
		binary.BigEndian.Uint32(blob[sumAt:]) != checksum(blob, int(body)) {
		return driver.ErrCorrupt
	}
	return nil
}

// readTags cuts block into exactly count tags.
func readTags(block []byte, count int) ([]string, bool) {
	if count == 0 || 2*count > len(block) {
		return nil, count == 0 && len(block) == 0
	}
	all := string(block) // one allocation for all tags
	tags := make([]string, 0, count)
	for range count {
		if len(all) < 2 {
			return nil, false
		}
		n := int(all[0])<<8 | int(all[1])
		if len(all) < 2+n {
			return nil, false
		}
		tags = append(tags, all[2:2+n])
		all = all[2+n:]
	}
	return tags, all == ""
}

// canonical reports whether b is an int64 in the one form that this package and
// the servers write.
func canonical(b []byte) bool {
	if len(b) == 0 || len(b) > len("-9223372036854775808") {
		return false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return false
	}
	var buf [20]byte
	return string(strconv.AppendInt(buf[:0], n, 10)) == string(b)
}
