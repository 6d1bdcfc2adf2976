package httpcache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// codec is the stored form of a record:
//
//	version      1 byte
//	head length  uvarint
//	head         flags, generation, hashes of the other variants, names, variant; and of a page:
//	             status, kind, flags, first, total, received, age, lifetime, stale times, tags, fields
//	body         the rest
//
// A string is its length as uvarint and its bytes. Decoding allocates no more
// than a small multiple of its input, whatever the input says.
type codec struct{}

const (
	version = 2

	hasPage    = 1 << 0
	knownFlags = hasPage
	maxNumber  = 1 << 62
)

var errRecord = errors.New("httpcache: not a stored page")

func (codec) Name() string { return "strata-page" }

func (codec) Marshal(v any) ([]byte, error) {
	rec, ok := v.(*record)
	if !ok || rec == nil {
		return nil, fmt.Errorf("%w: %T", errRecord, v)
	}
	return rec.encode(), nil
}

func (codec) Unmarshal(data []byte, v any) error {
	out, ok := v.(**record)
	if !ok {
		return fmt.Errorf("%w: %T", errRecord, v)
	}
	rec, err := decodeRecord(data)
	*out = rec
	return err
}

func (rec *record) encode() []byte {
	head := make([]byte, 0, 512)
	var flags byte
	p := rec.page
	if p != nil {
		flags |= hasPage
	}
	head = append(head, flags)
	head = binary.BigEndian.AppendUint64(head, rec.generation)
	head = binary.AppendUvarint(head, uint64(len(rec.others)))
	for _, n := range rec.others {
		head = binary.BigEndian.AppendUint64(head, n)
	}
	head = appendStrings(head, rec.names)
	head = appendString(head, rec.variant)
	var body []byte
	if p != nil {
		body = p.body
		head = binary.AppendUvarint(head, uint64(p.status))
		head = append(head, byte(p.kind), byte(p.flags))
		for _, n := range [...]int64{
			p.first, p.total + 1, p.received, int64(p.age), int64(p.lifetime), int64(p.whileStale), int64(p.ifError),
		} {
			head = binary.AppendUvarint(head, uint64(n))
		}
		head = appendStrings(head, p.tags)
		head = binary.AppendUvarint(head, uint64(len(p.fields)))
		for _, f := range p.fields {
			head = appendString(head, f.name)
			head = appendStrings(head, p.values[f.from:f.to])
		}
	}
	out := make([]byte, 0, 1+binary.MaxVarintLen64+len(head)+len(body))
	out = append(out, version)
	out = binary.AppendUvarint(out, uint64(len(head)))
	out = append(out, head...)
	return append(out, body...)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

// decodeRecord reads what encode wrote. It keeps no reference to data.
func decodeRecord(data []byte) (*record, error) {
	if len(data) == 0 || data[0] != version {
		return nil, errRecord
	}
	n, used := binary.Uvarint(data[1:])
	if used <= 0 || n > uint64(len(data)-1-used) {
		return nil, errRecord
	}
	rest := data[1+used:]
	d := decoder{rest: string(rest[:n])}
	flags := d.byte()
	rec := &record{generation: d.fixed()}
	for range d.count(maxOthers, 8) {
		rec.others = append(rec.others, d.fixed())
	}
	for range d.count(maxVary, 2) {
		rec.names = append(rec.names, d.token())
	}
	rec.variant = d.string()
	body := rest[n:]
	if flags&hasPage != 0 {
		rec.page = d.page()
		rec.page.body = body[:len(body):len(body)] // stored bytes and pages never change
		rec.page.derive()
		body = nil
	}
	if d.bad || d.rest != "" || len(body) > 0 || flags&^knownFlags != 0 {
		return nil, errRecord
	}
	return rec, nil
}

// decoder cuts values off a string; strings it returns share its memory. After
// the first fault all values are zero.
type decoder struct {
	rest string
	bad  bool
}

func (d *decoder) page() *page {
	p := &page{status: int(d.number(999)), kind: kind(d.byte()), flags: flags(d.byte())}
	p.first = int64(d.number(maxNumber))
	p.total = int64(d.number(maxNumber)) - 1
	p.received = int64(d.number(1<<63 - 1))
	for _, to := range [...]*time.Duration{&p.age, &p.lifetime, &p.whileStale, &p.ifError} {
		*to = time.Duration(d.number(maxNumber))
	}
	if p.status < 200 || p.kind > head || p.flags&^knownPageFlags != 0 || p.has(flagZipped) && (p.kind != whole || p.total < 0) {
		d.bad = true
	}
	for range d.count(maxTags, 1) {
		p.tags = append(p.tags, d.string())
	}
	fields := d.count(2*maxFields, 3)
	p.fields = make([]field, 0, fields)
	p.values = make([]string, 0, fields)
	for range fields {
		name := d.token()
		from := len(p.values)
		for range d.count(1<<20, 1) {
			v := d.string()
			if !isFieldValue(v) {
				d.bad = true
			}
			p.values = append(p.values, v)
		}
		p.fields = append(p.fields, field{name, from, len(p.values)})
	}
	return p
}

func (d *decoder) byte() byte {
	if d.bad || d.rest == "" {
		d.bad = true
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) fixed() uint64 {
	if d.bad || len(d.rest) < 8 {
		d.bad = true
		return 0
	}
	n := binary.BigEndian.Uint64([]byte(d.rest[:8]))
	d.rest = d.rest[8:]
	return n
}

func (d *decoder) number(most uint64) uint64 {
	var n uint64
	for shift := 0; shift < 64; shift += 7 {
		b := d.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if n > most || d.bad || (shift == 63 && b > 1) {
				break
			}
			return n
		}
	}
	d.bad = true
	return 0
}

// count reads how many things of at least size bytes follow.
func (d *decoder) count(most, size int) int {
	n := int(d.number(uint64(most)))
	if n > len(d.rest)/size {
		d.bad = true
		return 0
	}
	return n
}

func (d *decoder) string() string {
	n := int(d.number(maxHeader * 4))
	if n > len(d.rest) {
		d.bad = true
	}
	if d.bad {
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) token() string {
	s := d.string()
	if !isToken(s) {
		d.bad = true
	}
	return s
}
