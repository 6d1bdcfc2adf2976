package compress

import "github.com/stratacache/strata/cache/driver"

// CodeAll has s compress all payloads, even if that makes them larger.
func (s *Store) CodeAll() {
	s.codec.always = true
	s.codec.threshold = 0
}

// A Codec is what a store makes of payloads.
type Codec struct{ c *coder }

// CodecOf returns the codec of a store with these options.
func CodecOf(o Options) Codec {
	o, err := o.withDefaults()
	if err != nil {
		panic(err)
	}
	return Codec{newCoder(o)}
}

// Compress compresses p whether that saves anything or not.
func (c Codec) Compress(p []byte) []byte { return c.c.compress(p, 2*len(p)+100) }

// Inflate is the reverse.
func (c Codec) Inflate(p []byte) ([]byte, error) { return c.c.inflate(p) }

// Inner is the store under s.
func (s *Store) Inner() driver.Store { return s.Logged() }
