package shard

import (
	"math"

	"github.com/cespare/xxhash/v2"

	"github.com/stratacache/strata/cache/driver"
)

// pick is the shard of key, by rendezvous hashing: the one with the highest
// score for it. A key thus moves only to a shard that is added, or from one that
// is removed. The scores are part of the format: changing them moves keys.
func (s *Store) pick(key driver.Key) int {
	if len(s.parts) == 1 {
		return 0
	}
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(key.Scope)
	_, _ = d.WriteString(key.Name)
	hash := d.Sum64()
	if s.weighted {
		return s.heaviest(hash)
	}
	best, most := 0, uint64(0)
	for i, p := range s.parts {
		if x := mix(hash ^ p.seed); x > most {
			best, most = i, x
		}
	}
	return best
}

// heaviest gives each shard its share: of -weight/ln(x), x evenly spread over
// (0, 1), the highest is the i-th with probability weight i / all weights. With
// equal weights it orders as x does.
func (s *Store) heaviest(hash uint64) int {
	const bits = 53 // of a float64
	best, most := 0, 0.0
	for i, p := range s.parts {
		x := (float64(mix(hash^p.seed)>>(64-bits)) + 0.5) / (1 << bits)
		if score := -p.weight / math.Log(x); score > most {
			best, most = i, score
		}
	}
	return best
}

// mix is the finalizer of SplitMix64: each bit of x changes half of the result.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
