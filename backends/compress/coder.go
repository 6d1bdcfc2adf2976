package compress

import (
	"encoding/binary"
	"math"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/stratacache/strata/cache/driver"
)

// A compressed payload is
//
//	1   driver.Compressed
//	1   the algorithm
//	n   the size of what is in it, as a uvarint
//	    one S2 block, or one Zstandard frame that says the same size
const (
	inS2   = 1
	inZstd = 2

	headerLen = 2 + binary.MaxVarintLen64
)

// A coder compresses and inflates. What it keeps for that is made when it is
// first needed, and shared: making it costs more than the largest payload.
type coder struct {
	algorithm Algorithm
	limit     int64 // of what a payload inflates to

	encoder func() (*zstd.Encoder, error)
	decoder func() (*zstd.Decoder, error)
	buffers sync.Pool // of *[]byte
}

func newCoder(o Options) *coder {
	return &coder{
		algorithm: o.Algorithm,
		limit:     o.MaxInflated,
		encoder: sync.OnceValues(func() (*zstd.Encoder, error) {
			// A single segment always says its size. The sum is the store's to keep.
			return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(window),
				zstd.WithSingleSegment(true), zstd.WithEncoderCRC(false))
		}),
		// Neither has goroutines: those are for streams. The decoder is not closed,
		// because that must not happen under a call, and frees nothing.
		decoder: sync.OnceValues(func() (*zstd.Decoder, error) {
			return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(uint64(o.MaxInflated)), zstd.WithDecodeAllCapLimit(true))
		}),
		buffers: sync.Pool{New: func() any { return new([]byte) }},
	}
}

// window is how far back Zstandard looks for what it has seen. With the 4 MiB that
// it would take, each processor's encoder keeps 9 MB; pages are no smaller for it.
const window = 256 << 10

// maxPooled is the largest buffer that is kept for the next payload.
const maxPooled = 1 << 20

// compress returns a compressed payload of at most most bytes, or nil.
func (c *coder) compress(p []byte, most int) []byte {
	if int64(len(p)) > c.limit || len(p) > math.MaxUint32/2 {
		return nil
	}
	need := headerLen + s2.MaxEncodedLen(len(p))
	if need < 0 {
		return nil // too large for S2
	}
	buf := c.buffers.Get().(*[]byte)
	if cap(*buf) < need {
		*buf = make([]byte, need)
	}
	if need <= maxPooled {
		defer c.buffers.Put(buf)
	}
	out := append((*buf)[:0], byte(driver.Compressed), inS2)
	out = binary.AppendUvarint(out, uint64(len(p)))
	if c.algorithm == Zstd {
		enc, err := c.encoder()
		if err != nil {
			return nil
		}
		out[1] = inZstd
		out = enc.EncodeAll(p, out)
	} else {
		at := len(out)
		out = out[:at+len(s2.Encode((*buf)[at:cap(*buf)], p))]
	}
	if len(out) > most {
		return nil
	}
	return append(make([]byte, 0, len(out)), out...)
}

// inflate is the reverse. It allocates nothing that is over the limit, whatever
// the payload says. All errors are driver.ErrCorrupt, but for an algorithm that
// this version does not know.
func (c *coder) inflate(p []byte) ([]byte, error) {
	if len(p) < 2 || p[0] != byte(driver.Compressed) {
		return nil, driver.ErrCorrupt
	}
	size, n := binary.Uvarint(p[2:])
	if n <= 0 || size > uint64(c.limit) || size > math.MaxInt {
		return nil, driver.ErrCorrupt
	}
	switch body := p[2+n:]; p[1] {
	case inS2:
		return inflateS2(body, int(size))
	case inZstd:
		return c.inflateZstd(body, int(size))
	}
	return nil, driver.ErrNewer
}

func inflateS2(body []byte, size int) ([]byte, error) {
	if n, err := s2.DecodedLen(body); err != nil || n != size {
		return nil, driver.ErrCorrupt
	}
	out, err := s2.Decode(nil, body)
	if err != nil {
		return nil, driver.ErrCorrupt
	}
	return out, nil
}

func (c *coder) inflateZstd(body []byte, size int) ([]byte, error) {
	var h zstd.Header
	if err := h.Decode(body); err != nil || !h.HasFCS || h.FrameContentSize != uint64(size) {
		return nil, driver.ErrCorrupt
	}
	dec, err := c.decoder()
	if err != nil {
		return nil, err
	}
	// A frame that lies is found out a block after its end. With room for that a
	// large buffer is not copied into a larger one.
	const block = 128 << 10
	room := size
	if size >= 8*block {
		room += block
	}
	out, err := dec.DecodeAll(body, make([]byte, 0, room))
	if err != nil || len(out) != size {
		return nil, driver.ErrCorrupt
	}
	return out[:size:size], nil
}
