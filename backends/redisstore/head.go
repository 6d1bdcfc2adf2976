package redisstore

import (
	"encoding/binary"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// Where the tags of an envelope are: see package envelope.
const (
	tagCountAt = 76
	tagsLenAt  = 78
	tagsLenEnd = 82
)

// parseHead reads what an envelope says before its payload, and the parts of it
// that decide whether it is valid. need is how many bytes it must have, if there
// are fewer. Without an entry of ours, e is nil.
func parseHead(b []byte) (e *driver.Entry, parts [2][]byte, need int) {
	if len(b) < envelope.HeaderLen || envelope.Token(b) == 0 || driver.Kind(b[3]) > driver.Coded {
		return nil, parts, 0
	}
	need = envelope.HeaderLen + int(binary.BigEndian.Uint32(b[tagsLenAt:]))
	if need > maxBlob {
		return nil, parts, 0
	}
	if len(b) < need {
		return nil, parts, need
	}
	block := string(b[envelope.HeaderLen:need])
	tags := make([]string, 0, min(binary.BigEndian.Uint16(b[tagCountAt:]), maxTags))
	for range binary.BigEndian.Uint16(b[tagCountAt:]) {
		if len(block) < 2 {
			return nil, parts, 0
		}
		n := 2 + int(block[0])<<8 + int(block[1])
		if len(block) < n {
			return nil, parts, 0
		}
		tags = append(tags, block[2:n])
		block = block[n:]
	}
	clock := b[envelope.ClockAt : envelope.ClockAt+16]
	parts[0] = clock
	parts[1] = append(append(make([]byte, 0, 6+need-envelope.HeaderLen), b[tagCountAt:tagsLenEnd]...), b[envelope.HeaderLen:need]...)
	return &driver.Entry{
		Token: envelope.Token(b),
		Kind:  driver.Kind(b[3]),
		Stamp: driver.Stamp{Epoch: binary.BigEndian.Uint64(clock), N: binary.BigEndian.Uint64(clock[8:])},
		Tags:  tags,
	}, parts, 0
}
