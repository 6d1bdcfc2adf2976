package cache

import (
	"encoding/binary"

	"github.com/stratacache/strata/cache/driver"
)

// The form of a copy in a near tier that is not memory: an entry of kind Coded,
// whose payload is
//
//	coding, kind, epoch (8 bytes), n (8), tags (count, then length and bytes each), payload
//
// It has no tags of its own: the tier is not told of invalidations.

// pack is the entry that a tier keeps of c.
func (c *nearCopy) pack(life driver.Life) *driver.Entry {
	e := c.entry
	p := make([]byte, 0, 18+4+e.Size()+2*len(e.Tags))
	p = append(p, byte(driver.Copied), byte(e.Kind))
	p = binary.BigEndian.AppendUint64(p, c.asOf.Epoch)
	p = binary.BigEndian.AppendUint64(p, c.asOf.N)
	p = binary.AppendUvarint(p, uint64(len(e.Tags)))
	for _, t := range e.Tags {
		p = binary.AppendUvarint(p, uint64(len(t)))
		p = append(p, t...)
	}
	p = append(p, e.Payload...)
	return &driver.Entry{Life: life, Kind: driver.Coded, Schema: e.Schema, Cost: e.Cost, Payload: p}
}

// unpack is the copy that pack made an entry of, or nil.
func unpack(e *driver.Entry) *nearCopy {
	p := e.Payload
	if e.Kind != driver.Coded || len(p) < 18 || driver.Coding(p[0]) != driver.Copied {
		return nil
	}
	twin := e.Clone()
	c := &nearCopy{entry: twin}
	twin.Kind = driver.Kind(p[1])
	c.asOf = driver.Stamp{Epoch: binary.BigEndian.Uint64(p[2:]), N: binary.BigEndian.Uint64(p[10:])}
	twin.Token, twin.Stamp = 0, c.asOf // those of the tier mean nothing to the store
	p = p[18:]
	number := func() (uint64, bool) {
		n, size := binary.Uvarint(p)
		if size <= 0 {
			return 0, false
		}
		p = p[size:]
		return n, n <= uint64(len(p))
	}
	tags, ok := number()
	if !ok || unreadable(twin) {
		return nil
	}
	for range tags {
		n, ok := number()
		if !ok {
			return nil
		}
		twin.Tags = append(twin.Tags, string(p[:n]))
		p = p[n:]
	}
	twin.Payload = p
	return c
}
