package memcachedstore

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// A placeholder is the envelope's, with token 0, and when its hold ends, in Unix
// nanoseconds. Its token is its cas.
const placeholderLen = envelope.PlaceholderLen + 8

func placeholder(end time.Time) []byte {
	return binary.BigEndian.AppendUint64(envelope.Placeholder(0), uint64(end.UnixNano()))
}

// holdEnd is when the hold of the placeholder in o ends. ok is false if it is
// none.
//
// Another loader's hold that is longer is a touch, which keeps the cas: the
// server then has it for at least touchMargin seconds more than that hold. One
// that was not touched has no more than the margin left when its hold ends.
func holdEnd(o *op, now time.Time) (end time.Time, ok bool) {
	b := o.data
	if len(b) != placeholderLen || string(b[:envelope.PlaceholderLen]) != string(envelope.Placeholder(0)) {
		return time.Time{}, false
	}
	end = time.Unix(0, int64(binary.BigEndian.Uint64(b[envelope.PlaceholderLen:])))
	if o.left > touchMargin || o.left < 0 {
		left := o.left
		if left < 0 {
			left = math.MaxInt32
		}
		if touched := now.Add(time.Duration(left-touchMargin) * time.Second); touched.After(end) {
			end = touched
		}
	}
	return end, true
}

const (
	// touchMargin is the most that a placeholder can have left, in the server's
	// whole seconds, at the end of a hold for which it was planted.
	touchMargin = 2
	// relative is the longest time that memcached counts from now. A greater
	// number is a date.
	relative = 30 * 24 * 60 * 60
)

// expiry is what makes memcached keep an item for at least d: it counts whole
// seconds, and starts in the middle of one. It returns 0, for good, where the
// server can count no further.
func expiry(d time.Duration, now time.Time) int64 {
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	seconds++
	if seconds <= relative {
		return seconds
	}
	if date := now.Unix() + seconds; date <= math.MaxInt32 {
		return date
	}
	return 0
}

// expiryOf is expiry for an entry, and whether it has ended already.
func expiryOf(l driver.Life, now time.Time) (at int64, ended bool) {
	if l.Expires == driver.Forever {
		return 0, false
	}
	if l.Ended(now) {
		return 0, true
	}
	return expiry(l.Remaining(now), now), false
}
