package ristrettostore

import (
	"fmt"

	"github.com/stratacache/strata/cache/driver"
)

// Options configure a [Store]. The zero value, and nil, work.
type Options struct {
	// MaxBytes bounds the bytes of keys, payloads and tags, and [EntryOverhead]
	// for each entry. Default 64 MiB. An entry that alone is larger is refused
	// with driver.ErrTooLarge.
	MaxBytes int64
	// NumCounters is for how many keys ristretto estimates how often they are
	// asked for, at about 3 bytes each. It should be ten times the number of
	// entries that fit. Default: ten for each 1000 of MaxBytes.
	NumCounters int64
}

// EntryOverhead is what an entry is counted as beside the bytes of its key,
// payload and tags: about what records, ristretto's maps and the allocator add.
const EntryOverhead = 400

const (
	defaultMaxBytes = 64 << 20

	bytesPerCounter = 100
	leastCounters   = 1024

	// maxTags bounds the tags whose invalidation is remembered, at about 100 bytes
	// each. One more starts a new epoch, which is as if everything was cleared:
	// forgetting a single tag could let an older entry through.
	maxTags = 1 << 16

	// maxFences bounds the loads in flight of all stripes, at about 100 bytes
	// each: loads that fail leave their fences standing for a while. One more takes
	// the place of others, whose loads are then not stored.
	maxFences = 1 << 16

	// maxQueued is how many writes may be on their way through ristretto. Its
	// channel holds 32768, and drops what does not fit: at half of that writers
	// wait instead.
	maxQueued = 1 << 14
	// queueShare is the part of MaxBytes that may be waiting beside the bound.
	queueShare = 8
)

// withDefaults returns a copy with each zero replaced, or says what is wrong.
func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	switch {
	case out.MaxBytes < 0:
		return out, fmt.Errorf("ristrettostore: Options.MaxBytes is %d", out.MaxBytes)
	case out.NumCounters < 0:
		return out, fmt.Errorf("ristrettostore: Options.NumCounters is %d", out.NumCounters)
	}
	if out.MaxBytes == 0 {
		out.MaxBytes = defaultMaxBytes
	}
	if out.NumCounters == 0 {
		out.NumCounters = max(leastCounters, out.MaxBytes/bytesPerCounter)
	}
	return out, nil
}

// costOf is what an entry counts as.
func costOf(key driver.Key, e *driver.Entry) int64 {
	return int64(key.Len()+e.Size()) + EntryOverhead
}
