package filestore

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// Options configure a [Store]. The zero value, and nil, work.
type Options struct {
	// Namespace is the folder of the store within its directory: 1 to 64 of A-Z,
	// a-z, 0-9, ".", "_" and "-", not beginning with a dot. Default "strata".
	Namespace string
	// MaxEntries bounds how many entries are kept. Default 100,000; without bound
	// if only MaxBytes is given. The bound is soft: see the package documentation.
	MaxEntries int
	// MaxBytes bounds the bytes of the files. Default: no bound. An entry that
	// alone is larger is refused with driver.ErrTooLarge.
	MaxBytes int64
	// Sweep is how often the whole namespace is walked for files that have ended
	// or are left over. Default 10 minutes; negative: never.
	Sweep time.Duration
	// Sync has every write on the disk before it returns, so that entries outlive
	// a loss of power or a restart of the system. Without it the namespace starts
	// anew with each boot. All processes of a namespace should agree on it.
	Sync bool
}

const (
	defaultNamespace  = "strata"
	defaultMaxEntries = 100_000
	defaultSweep      = 10 * time.Minute

	// maxFile is the longest file that is written or read.
	maxFile = 1 << 30
	// maxTags bounds the tags whose invalidation is remembered, in memory at about
	// 100 bytes each. One more starts a new epoch, which is as if all was cleared.
	maxTags = 1 << 18
)

var namespaces = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$`)

// withDefaults returns a copy with each zero replaced, or says what is wrong.
func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Namespace == "" {
		out.Namespace = defaultNamespace
	}
	if out.Sweep == 0 {
		out.Sweep = defaultSweep
	}
	if out.MaxEntries == 0 && out.MaxBytes == 0 {
		out.MaxEntries = defaultMaxEntries
	}
	var errs []error
	if !namespaces.MatchString(out.Namespace) {
		errs = append(errs, errors.New(`filestore: Options.Namespace is not 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-" that begin with no dot`))
	}
	if out.MaxEntries < 0 {
		errs = append(errs, fmt.Errorf("filestore: Options.MaxEntries is %d", out.MaxEntries))
	}
	if out.MaxBytes < 0 {
		errs = append(errs, fmt.Errorf("filestore: Options.MaxBytes is %d", out.MaxBytes))
	}
	return out, errors.Join(errs...)
}

// fits reports whether an entry is not too large for this store.
func (o *Options) fits(e *driver.Entry) bool {
	most := int64(maxFile)
	if o.MaxBytes > 0 {
		most = min(most, o.MaxBytes)
	}
	return envelope.Fits(e) && int64(envelope.Len(e)) <= most
}
