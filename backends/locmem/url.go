package locmem

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// The scheme of cache.Open:
//
//	locmem://?max_entries=10000&max_bytes=64000000&policy=tinylfu
func init() { cache.Register("locmem", open) }

func open(u *url.URL) (driver.Store, error) {
	if u.Host != "" || u.User != nil || (u.Path != "" && u.Path != "/") {
		return nil, fmt.Errorf("locmem: a URL has no more than parameters: locmem://?max_entries=1000")
	}
	var o Options
	for name, values := range u.Query() {
		value := values[0]
		switch name {
		case "max_entries":
			n, err := strconv.Atoi(value)
			if err != nil || n <= 0 {
				return nil, fmt.Errorf("locmem: max_entries=%q is not a positive number", value)
			}
			o.MaxEntries = n
		case "max_bytes":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n <= 0 {
				return nil, fmt.Errorf("locmem: max_bytes=%q is not a positive number", value)
			}
			o.MaxBytes = n
		case "policy":
			switch value {
			case "lru":
				o.Policy = LRU
			case "tinylfu":
				o.Policy = WTinyLFU
			default:
				return nil, fmt.Errorf("locmem: policy=%q: known are lru, tinylfu", value)
			}
		default:
			return nil, fmt.Errorf("locmem: unknown parameter %q", name)
		}
	}
	if _, err := o.withDefaults(); err != nil {
		return nil, err // New would panic: options in code are a programmer's, a URL is not
	}
	return New(&o), nil
}
