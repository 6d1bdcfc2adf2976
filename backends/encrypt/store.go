package encrypt

import (
	"errors"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/coded"
)

// Options configure a [Store]. The zero value, and nil, work.
type Options struct {
	// Context is bound to every entry, beside its key: an entry of one context is
	// not read in another. Stores that share keys and a server, such as those of
	// two applications, have one each. Default "".
	Context string
	// AcceptPlain reads entries that nobody has encrypted, for as long as a store
	// that is in use holds some. Whoever can write to the server can then plant
	// values. Default false: they are refused.
	AcceptPlain bool
}

type base = coded.Store

// A Store is a driver.Store that encrypts what goes into another. Make one with
// [New]. It is no Mover: an entry is bound to its key, so moving it means
// encrypting it again.
type Store struct {
	*base
	sealer *sealer
}

var (
	_ driver.Store        = (*Store)(nil)
	_ driver.ManyGetter   = (*Store)(nil)
	_ driver.ManyPutter   = (*Store)(nil)
	_ driver.ClockCounter = (*Store)(nil)
)

// New wraps store; opts may be nil. The first of keys encrypts, all of them
// decrypt. The store is closed with the wrapper.
func New(store driver.Store, keys []Key, opts *Options) (*Store, error) {
	if store == nil {
		return nil, errors.New("encrypt: the store is nil")
	}
	r, err := newRing(keys)
	if err != nil {
		return nil, err
	}
	c := &sealer{ring: r}
	if opts != nil {
		c.context, c.acceptPlain = opts.Context, opts.AcceptPlain
	}
	return &Store{base: coded.New(store, c), sealer: c}, nil
}
