package redisstore

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// probeEvery is how long a replica is believed, or left alone, after it was
	// asked how it is.
	probeEvery = time.Second
	// maxSilence is how long a replica may not have heard of its primary, which by
	// default says something every ten seconds.
	maxSilence = 15 * time.Second
)

// replica is a client of one, and how it is.
type replica struct {
	rdb  *redis.Client
	next atomic.Int64 // when it is to be asked, as Unix nanoseconds
	up   atomic.Bool
}

// well tells whether the replica follows its primary. One caller in a while
// asks it; the others believe what was said last.
func (v *replica) well(ctx context.Context) bool {
	now, next := time.Now().UnixNano(), v.next.Load()
	if now < next || !v.next.CompareAndSwap(next, now+int64(probeEvery)) {
		return v.up.Load()
	}
	info, err := v.rdb.Info(ctx, "replication").Result()
	v.rest(refused(err) || err == nil && follows(info))
	return v.up.Load()
}

// rest leaves the replica as it is for a while.
func (v *replica) rest(up bool) {
	v.up.Store(up)
	v.next.Store(time.Now().Add(probeEvery).UnixNano())
}

// follows reads what a replica says of itself. A primary is as good, and a
// server that tells nothing is believed.
func follows(info string) bool {
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "master_link_status":
			if value != "up" {
				return false
			}
		case "master_last_io_seconds_ago":
			if n, err := strconv.Atoi(value); err == nil && time.Duration(n)*time.Second > maxSilence {
				return false
			}
		}
	}
	return true
}
