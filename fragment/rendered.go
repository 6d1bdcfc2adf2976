package fragment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// rendered is the output of a fragment, with what the fragments around it must
// know. Nobody changes it.
type rendered struct {
	html string
	tags []string // its own and those of the fragments in it
	ends int64    // Unix time in ns; the largest number is never
}

// codec writes ends, the tags, and then the HTML as it is.
type codec struct{}

var errDamaged = errors.New("fragment: the entry is damaged")

func (codec) Name() string { return "fragment" }

func (codec) Marshal(v any) ([]byte, error) {
	r, ok := v.(*rendered)
	if !ok || r == nil {
		return nil, fmt.Errorf("fragment: cannot store a %T", v)
	}
	b := make([]byte, 0, 32+32*len(r.tags)+len(r.html))
	b = binary.AppendVarint(b, r.ends)
	b = binary.AppendUvarint(b, uint64(len(r.tags)))
	for _, t := range r.tags {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	return append(b, r.html...), nil
}

func (codec) Unmarshal(data []byte, v any) error {
	into, ok := v.(**rendered)
	if !ok {
		return fmt.Errorf("fragment: cannot read a %T", v)
	}
	r := &rendered{}
	var n int
	if r.ends, n = binary.Varint(data); n <= 0 {
		return errDamaged
	}
	data = data[n:]
	tags, n := binary.Uvarint(data)
	if n <= 0 || tags > uint64(len(data)) {
		return errDamaged
	}
	data = data[n:]
	for range tags {
		size, n := binary.Uvarint(data)
		if n <= 0 || size > uint64(len(data)-n) {
			return errDamaged
		}
		r.tags = append(r.tags, string(data[n:n+int(size)]))
		data = data[n+int(size):]
	}
	r.html = string(data)
	*into = r
	return nil
}

// distinct is the union of two lists of tags.
func distinct(a, b []string) []string {
	if len(b) == 0 {
		return a
	}
	all := slices.Sorted(slices.Values(append(slices.Clone(a), b...)))
	return slices.Compact(all)
}
