package locmem

import (
	"fmt"

	"github.com/stratacache/strata/cache/driver"
)

// Policy says which entry goes when the store is full. See the package comment
// for when to take which.
type Policy uint8

const (
	// LRU throws out the entry that was not read, set or incremented for the
	// longest time. The order is strict up to 2047 entries; a larger store keeps
	// it in shards, and throws out the oldest of the shard that needs room. The
	// bounds are exact in either case, and nothing is thrown out below them.
	LRU Policy = iota
	// WTinyLFU weighs frequency too, by github.com/maypok86/otter. An entry may go
	// at any moment, also one just written, and the bound is soft for a moment.
	WTinyLFU
)

// Options configure a [Store]. The zero value, and nil, work.
type Options struct {
	// MaxEntries bounds how many entries are kept. Default 100,000; without bound
	// if only MaxBytes is given.
	MaxEntries int
	// MaxBytes bounds the bytes of keys, payloads and tags, and [EntryOverhead]
	// for each entry. Default: no bound. An entry that alone is larger is refused
	// with driver.ErrTooLarge. WTinyLFU takes one of the two bounds, not both.
	MaxBytes int64
	// Policy is LRU by default.
	Policy Policy
}

// EntryOverhead is what an entry is counted as beside the bytes of its key,
// payload and tags: about what the records, the map and the allocator add.
const EntryOverhead = 300

const (
	defaultMaxEntries = 100_000

	// maxTags bounds the tags whose invalidation is remembered, at about 100 bytes
	// each. One more starts a new epoch, which is as if everything was cleared:
	// forgetting a single tag could let an older entry through.
	maxTags = 1 << 16

	// maxFences bounds the loads in flight of a shard, at about 200 bytes each:
	// loads that fail leave their fences standing for a while. One more takes the
	// place of the one that ends first, whose load is then not stored.
	maxFences = 1 << 12
)

// withDefaults returns a copy with each zero replaced, or says what is wrong.
func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	switch {
	case out.MaxEntries < 0:
		return out, fmt.Errorf("locmem: Options.MaxEntries is %d", out.MaxEntries)
	case out.MaxBytes < 0:
		return out, fmt.Errorf("locmem: Options.MaxBytes is %d", out.MaxBytes)
	case out.Policy > WTinyLFU:
		return out, fmt.Errorf("locmem: Options.Policy is %d, neither LRU nor WTinyLFU", out.Policy)
	case out.Policy == WTinyLFU && out.MaxEntries > 0 && out.MaxBytes > 0:
		return out, fmt.Errorf("locmem: Options.MaxEntries and Options.MaxBytes: WTinyLFU takes one bound, not both")
	case out.MaxEntries == 0 && out.MaxBytes == 0:
		out.MaxEntries = defaultMaxEntries
	}
	return out, nil
}

// sizeOf is what an entry counts as.
func sizeOf(key driver.Key, e *driver.Entry) int64 {
	return int64(key.Len()+e.Size()) + EntryOverhead
}
