package cache

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stratacache/strata/cache/driver"
)

// Whatever a tier returns, unpack ends, and what it takes is what pack makes.
func FuzzUnpack(f *testing.F) {
	for _, c := range []*nearCopy{
		{entry: &driver.Entry{}},
		{entry: &driver.Entry{Kind: driver.Negative, Tags: []string{"t"}}, asOf: driver.Stamp{Epoch: 1, N: 2}},
		{entry: &driver.Entry{Payload: []byte("payload"), Tags: []string{"\x00!t", "t", ""}}},
	} {
		f.Add(c.pack(driver.Life{}).Payload)
	}
	f.Add([]byte("\x03\x00................\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		e := &driver.Entry{Kind: driver.Coded, Schema: 7, Cost: 8, Life: driver.Life{Fresh: 1, Expires: 2}, Payload: payload}
		c := unpack(e)
		if c == nil {
			return
		}
		again := unpack(c.pack(e.Life))
		if again == nil || again.asOf != c.asOf || again.entry.Kind != c.entry.Kind || again.entry.Schema != 7 || again.entry.Cost != 8 ||
			again.entry.Life != e.Life || !slices.Equal(again.entry.Tags, c.entry.Tags) || !bytes.Equal(again.entry.Payload, c.entry.Payload) {
			t.Errorf("got %+v, then %+v", c.entry, again)
		}
	})
}

func TestUnpackRefusesWhatIsNoCopy(t *testing.T) {
	good := (&nearCopy{entry: &driver.Entry{Tags: []string{"tag"}, Payload: []byte("p")}}).pack(driver.Life{})
	if unpack(good) == nil {
		t.Fatal("a copy was refused")
	}
	for n := range 22 { // every cut before the end of the tags
		if unpack(&driver.Entry{Kind: driver.Coded, Payload: good.Payload[:n]}) != nil {
			t.Errorf("%d bytes were taken", n)
		}
	}
	if unpack(&driver.Entry{Kind: driver.Bytes, Payload: good.Payload}) != nil {
		t.Error("plain bytes were taken")
	}
	other := slices.Clone(good.Payload)
	other[0] = byte(driver.Compressed)
	if unpack(&driver.Entry{Kind: driver.Coded, Payload: other}) != nil {
		t.Error("another wrapper's bytes were taken")
	}
	other[0], other[1] = byte(driver.Copied), byte(driver.Coded)
	if unpack(&driver.Entry{Kind: driver.Coded, Payload: other}) != nil {
		t.Error("a kind that only a wrapper reads was taken")
	}
}
