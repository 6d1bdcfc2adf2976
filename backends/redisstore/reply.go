package redisstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
	"unsafe"

	"github.com/stratacache/strata/cache/driver"
)

var errReply = errors.New("redisstore: a reply is not what it should be")

// splitReply takes a script's reply apart: 8 bytes of epoch, the counter in
// decimal, a space, and the body, which may stand apart. An err goes through.
func splitReply(reply any, err error) (driver.Stamp, []byte, error) {
	if err != nil {
		return driver.Stamp{}, nil, err
	}
	if parts, ok := reply.([]any); ok && len(parts) == 2 {
		clock, _, err := splitReply(parts[0], nil)
		body, ok := parts[1].(string)
		if err != nil || !ok {
			return driver.Stamp{}, nil, errReply
		}
		return clock, bytesOf(body), nil
	}
	text, _ := reply.(string)
	b := bytesOf(text)
	const epochLen = 8
	if i := bytes.IndexByte(b[min(epochLen, len(b)):], ' '); i > 0 {
		if n, err := strconv.ParseUint(text[epochLen:epochLen+i], 10, 64); err == nil {
			return driver.Stamp{Epoch: binary.BigEndian.Uint64(b), N: n}, b[epochLen+i+1:], nil
		}
	}
	return driver.Stamp{}, nil, errReply
}

// result is splitReply for scripts that only say whether they did it.
func result(reply any, err error) (driver.Result, error) {
	clock, body, err := splitReply(reply, err)
	return driver.Result{Done: string(body) == "1", Clock: clock}, err
}

// bytesOf is a reply without a copy. The client made it for this call alone,
// and nobody writes to a payload.
func bytesOf(reply string) []byte { return unsafe.Slice(unsafe.StringData(reply), len(reply)) }
