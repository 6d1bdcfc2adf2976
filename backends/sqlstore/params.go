package sqlstore

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// params are what a statement's parameters stand for.
type params struct {
	items []item

	hold  time.Duration
	fence driver.Stamp // of a load
	clock driver.Stamp // of the transaction
	by    int64        // advance by
	delta int64
	from  []byte
	tags  []string
	clear bool
	limit int
}

// item is one key, and what is to stand under it.
type item struct {
	name []byte
	old  driver.Token // that must stand
	new  driver.Token // that shall stand
	// seen is the token of what stands and is of no use.
	seen driver.Token

	entry  *driver.Entry
	body   []byte // nil: a placeholder, or what has ended
	number *int64 // of an integer
	life   *int64 // in microseconds; nil: without end
}

// plain says that the items are values without tags, so that fewer parameters do.
func (p *params) plain() bool {
	for i := range p.items {
		if e := p.items[i].entry; e.Kind != driver.Bytes || len(e.Tags) > 0 {
			return false
		}
	}
	return true
}

// field is the name of a parameter.
type field uint8

const (
	fieldKey field = iota
	fieldOld
	fieldNew
	fieldSeen
	fieldKind
	fieldTags
	fieldFresh
	fieldEnds
	fieldNumber
	fieldSize
	fieldLife
	fieldUntil
	fieldBody
	firstShared // what follows is not of an item
	fieldHold
	fieldEpoch
	fieldStamp
	fieldCurrent
	fieldBy
	fieldDelta
	fieldLow
	fieldHigh
	fieldFrom
	fieldDropped
	fieldTagList
	fieldClear
	fieldLimit
	fieldNow
	fieldChannel
	fieldKeys
	fieldNews
	fieldSeens
	fieldKinds
	fieldTagLists
	fieldNumbers
	fieldLives
	fieldBodies
)

// fields are the parameters by the names that they have in the statements.
var fields = map[string]field{
	"key": fieldKey, "old": fieldOld, "new": fieldNew, "seen": fieldSeen, "kind": fieldKind, "tags": fieldTags,
	"fresh": fieldFresh, "ends": fieldEnds, "number": fieldNumber, "size": fieldSize, "life": fieldLife, "until": fieldUntil, "body": fieldBody,

	"hold": fieldHold, "epoch": fieldEpoch, "stamp": fieldStamp, "current": fieldCurrent, "by": fieldBy,
	"delta": fieldDelta, "low": fieldLow, "high": fieldHigh, "from": fieldFrom, "dropped": fieldDropped, "taglist": fieldTagList, "clear": fieldClear,
	"limit": fieldLimit, "now": fieldNow, "channel": fieldChannel,

	"keys": fieldKeys, "news": fieldNews, "seens": fieldSeens, "kinds": fieldKinds, "taglists": fieldTagLists,
	"numbers": fieldNumbers, "lives": fieldLives, "bodies": fieldBodies,
}

// newItem makes an item of an entry. Its body does not hold what the database
// changes: token, stamp, and the number of an integer. A life that is touched is
// then one that the database knows better than the body.
func newItem(key driver.Key, e *driver.Entry) item {
	it := item{name: nameOf(key), new: newToken(), entry: e}
	if e.Life.Expires != driver.Forever {
		us := int64((e.Life.Remaining(time.Now()) + time.Microsecond - 1) / time.Microsecond) // never too short
		it.life = &us
		if us == 0 {
			return it
		}
	}
	it.body = bodyOf(key, e)
	if e.Kind == driver.Integer {
		if n, err := strconv.ParseInt(string(e.Payload), 10, 64); err == nil {
			it.number = &n
		}
	}
	return it
}

func bodyOf(key driver.Key, e *driver.Entry) []byte {
	fixed := &driver.Entry{Kind: e.Kind, Schema: e.Schema, Cost: e.Cost, Life: e.Life, Tags: e.Tags, Payload: e.Payload}
	return envelope.Encode(make([]byte, 0, envelope.Len(fixed)), key, fixed)
}

// args are the values of a statement's parameters.
func (s *Store) args(st *statement, p *params) []any {
	out := make([]any, len(st.binds))
	for i, b := range st.binds {
		var it *item
		if len(p.items) > 0 {
			it = &p.items[min(b.item, len(p.items)-1)]
		}
		if b.field < firstShared {
			out[i] = s.ofItem(b.field, it)
		} else {
			out[i] = s.shared(b.field, p)
		}
	}
	return out
}

func (s *Store) ofItem(f field, it *item) any {
	switch f {
	case fieldKey:
		return it.name
	case fieldOld:
		return int64(it.old)
	case fieldNew:
		return int64(it.new)
	case fieldSeen:
		return int64(it.seen)
	case fieldKind:
		return int64(it.entry.Kind)
	case fieldTags:
		return s.dialect.list(it.entry.Tags)
	case fieldFresh:
		return it.entry.Life.Fresh
	case fieldEnds:
		return it.entry.Life.Expires
	case fieldNumber:
		return orNull(it.number)
	case fieldSize:
		return it.size()
	case fieldLife:
		return orNull(it.life)
	case fieldUntil:
		if it.life == nil {
			return int64(math.MaxInt64)
		}
		return time.Now().UnixMicro() + *it.life
	default: // fieldBody
		if it.body == nil {
			return nil
		}
		return it.body
	}
}

func (it *item) size() int64 { return int64(len(it.name) + len(it.body)) }

func orNull(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

func (s *Store) shared(f field, p *params) any {
	switch f {
	case fieldHold:
		return int64((p.hold + time.Microsecond - 1) / time.Microsecond)
	case fieldEpoch:
		return int64(p.fence.Epoch)
	case fieldStamp:
		return int64(p.fence.N)
	case fieldCurrent:
		return int64(p.clock.Epoch)
	case fieldBy:
		return p.by
	case fieldDelta:
		return p.delta
	case fieldLow:
		return math.MinInt64 - min(0, p.delta)
	case fieldHigh:
		return math.MaxInt64 - max(0, p.delta)
	case fieldFrom:
		return p.from
	case fieldDropped:
		return arrayText(p.tags)
	case fieldTagList:
		return s.dialect.list(p.tags)
	case fieldClear:
		return p.clear
	case fieldLimit:
		return int64(p.limit)
	case fieldNow:
		return time.Now().UnixMicro()
	case fieldChannel:
		return s.channel()
	default:
		return column(f, p.items)
	}
}

// column is a field of all items, for a dialect that has arrays.
func column(f field, items []item) any {
	switch f {
	case fieldKeys:
		return each(items, func(it *item) []byte { return it.name })
	case fieldNews:
		return each(items, func(it *item) int64 { return int64(it.new) })
	case fieldSeens:
		return each(items, func(it *item) int64 { return int64(it.seen) })
	case fieldKinds:
		return each(items, func(it *item) int64 { return int64(it.entry.Kind) })
	case fieldTagLists:
		return each(items, func(it *item) *string {
			if len(it.entry.Tags) == 0 {
				return nil
			}
			text := arrayText(it.entry.Tags)
			return &text
		})
	case fieldNumbers:
		return each(items, func(it *item) *int64 { return it.number })
	case fieldLives:
		return each(items, func(it *item) *int64 { return it.life })
	default: // fieldBodies
		return each(items, func(it *item) []byte { return it.body })
	}
}

func each[T any](items []item, f func(*item) T) []T {
	out := make([]T, len(items))
	for i := range items {
		out[i] = f(&items[i])
	}
	return out
}

// list is how a dialect keeps the tags of an entry.
func (d Dialect) list(tags []string) any {
	switch {
	case len(tags) == 0:
		return nil
	case d == PostgreSQL:
		return arrayText(tags)
	}
	return "[" + quoted(tags, "") + "]"
}

// arrayText is the text of a bytea[].
func arrayText(tags []string) string { return "{" + quoted(tags, `\\x`) + "}" }

func quoted(tags []string, prefix string) string {
	var b strings.Builder
	for i, t := range tags {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + prefix + hex.EncodeToString([]byte(t)) + `"`)
	}
	return b.String()
}
