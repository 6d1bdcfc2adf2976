package cache

import (
	"encoding"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/stratacache/strata/cache/driver"
)

// Codec turns values into bytes and back. It must be safe for concurrent use.
// An error of Unmarshal means that the entry is unusable: it becomes a miss.
type Codec interface {
	// Name identifies the format: entries of one codec are never given to
	// another.
	Name() string
	Marshal(v any) ([]byte, error)
	// Unmarshal decodes data into the pointer v. It does not change data; v may
	// refer to it only if nobody ever changes v, as with [Immutable].
	Unmarshal(data []byte, v any) error
}

// JSON is the codec that typed views use by default.
var JSON Codec = jsonCodec{}

type jsonCodec struct{}

func (jsonCodec) Name() string                       { return "json" }
func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// format is how a typed view stores its values.
type format uint8

const (
	encoded  format = iota // by the codec
	rawBytes               // []byte as it is
	rawText                // string as it is
	integer                // decimal, so that Incr works on it
)

// formatOf chooses the format of V: bytes, strings and integers without methods
// of their own travel as they are. Unsigned 64-bit integers do not fit the
// servers' counters and are left to the codec.
func formatOf(t reflect.Type) format {
	switch {
	case t == reflect.TypeFor[[]byte]():
		return rawBytes
	case t == reflect.TypeFor[string]():
		return rawText
	case t.NumMethod() == 0 && t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64,
		t.NumMethod() == 0 && t.Kind() >= reflect.Uint8 && t.Kind() <= reflect.Uint32:
		return integer
	}
	return encoded
}

// flat reports whether copying a value of t copies all of it, so that readers
// can share one decoded value. Strings count: nobody can change them.
func flat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		if t == timeType {
			return true // its location is never changed
		}
		for f := range t.Fields() {
			if !flat(f.Type) {
				return false
			}
		}
		return true
	case reflect.Array:
		return flat(t.Elem())
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	}
	return true
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// schemaOf is a fingerprint of codec and type, greater than 1: an entry that was
// stored by a program with another shape of V is a miss, not a value with
// silently missing fields.
func schemaOf(codec string, t reflect.Type) uint64 {
	h := fnv.New64a()
	var b strings.Builder
	describe(&b, t, make(map[reflect.Type]bool))
	fmt.Fprintf(h, "%d:%s%s", len(codec), codec, b.String())
	return max(h.Sum64(), integerSchema+1)
}

func describe(b *strings.Builder, t reflect.Type, seen map[reflect.Type]bool) {
	if seen[t] {
		b.WriteString(t.String())
		return
	}
	seen[t] = true
	if p := reflect.PointerTo(t); p.Implements(jsonMarshaler) || p.Implements(textMarshaler) {
		b.WriteString(t.String()) // it chooses its own form: its fields say nothing
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		b.WriteString("{")
		for f := range t.Fields() {
			if !f.IsExported() && !f.Anonymous {
				continue
			}
			fmt.Fprintf(b, "%s %q ", f.Name, f.Tag)
			describe(b, f.Type, seen)
			b.WriteString(";")
		}
		b.WriteString("}")
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		if t.Kind() == reflect.Map {
			b.WriteString("map ")
			describe(b, t.Key(), seen)
		}
		if t.Kind() == reflect.Array {
			fmt.Fprintf(b, "%d ", t.Len())
		}
		fmt.Fprintf(b, "%s ", t.Kind())
		describe(b, t.Elem(), seen)
	default:
		b.WriteString(t.Kind().String())
	}
}

// form is what a typed view knows of V.
type form[V any] struct {
	format format
	codec  Codec
	schema uint64
	share  bool // readers may share the decoded value
}

// loads is the schema by which loads of V are told from others.
func (f *form[V]) loads() uint64 {
	if f.format == integer {
		return integerSchema
	}
	return f.schema
}

// encode makes the item for v. With keeps, the decoded form goes with it.
func (f *form[V]) encode(v V, keeps bool) (item, error) {
	it := item{schema: f.schema}
	switch f.format {
	case rawBytes:
		it.payload = append([]byte{}, any(v).([]byte)...)
	case rawText:
		it.payload = []byte(any(v).(string))
	case integer:
		it.kind = driver.Integer
		rv := reflect.ValueOf(v)
		if rv.CanInt() {
			it.payload = strconv.AppendInt(nil, rv.Int(), 10)
		} else {
			it.payload = strconv.AppendUint(nil, rv.Uint(), 10)
		}
	default:
		b, err := f.codec.Marshal(v)
		if err != nil {
			return item{}, fmt.Errorf("%s: %w", f.codec.Name(), err)
		}
		it.payload = b
		if keeps && f.share {
			// What is shared is what a reader of bytes would get, no more.
			twin := new(V)
			if err := f.codec.Unmarshal(b, twin); err != nil {
				return item{}, fmt.Errorf("%s: %w", f.codec.Name(), err)
			}
			it.decoded = twin
		}
	}
	return it, nil
}

// decode puts the value of an entry into out: a copy that the caller owns,
// unless V can be shared. An error says why the entry is not a V.
//
// It writes to where the value will be returned from: a struct copied once more
// would show in the cost of a hit.
func (f *form[V]) decode(e *driver.Entry, out *V) (err error) {
	if f.share && f.format == encoded && e.Schema == f.schema {
		if p, ok := e.Decoded().(*V); ok {
			*out = *p
			return nil
		}
	}
	*out, err = f.decodeBytes(e)
	return err
}

func (f *form[V]) decodeBytes(e *driver.Entry) (V, error) {
	var v V
	if e.Schema != f.schema || (e.Kind == driver.Integer) != (f.format == integer) {
		return v, errSchema
	}
	switch f.format {
	case rawBytes:
		b := e.Payload
		if !f.share {
			b = append([]byte{}, b...)
		}
		return any(b).(V), nil
	case rawText:
		// Payloads never change, so the string may lie over them.
		return any(unsafe.String(unsafe.SliceData(e.Payload), len(e.Payload))).(V), nil
	case integer:
		return decodeInteger[V](e.Payload)
	}
	if !f.share {
		err := f.codec.Unmarshal(e.Payload, &v)
		return v, err
	}
	p := new(V)
	if err := f.codec.Unmarshal(e.Payload, p); err != nil {
		return v, err
	}
	e.Keep(p)
	return *p, nil
}

func decodeInteger[V any](payload []byte) (v V, err error) {
	n, err := strconv.ParseInt(string(payload), 10, 64)
	if err != nil {
		return v, err
	}
	rv := reflect.ValueOf(&v).Elem()
	switch {
	case rv.CanInt() && !rv.OverflowInt(n):
		rv.SetInt(n)
	case rv.CanUint() && n >= 0 && n <= math.MaxUint32 && !rv.OverflowUint(uint64(n)):
		rv.SetUint(uint64(n))
	default:
		return v, fmt.Errorf("%w: %d does not fit %s", errSchema, n, rv.Type())
	}
	return v, nil
}
