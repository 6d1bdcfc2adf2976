package coded_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/coded"
)

// shout keeps payloads in capitals.
type shout struct{}

func (shout) Encode(_ driver.Key, e *driver.Entry) *driver.Entry {
	if e.Kind != driver.Bytes {
		return e
	}
	out := e.Clone()
	out.Kind, out.Payload = driver.Coded, []byte(strings.ToUpper(string(e.Payload)))
	return out
}

func (shout) Decode(_ driver.Key, e *driver.Entry) (*driver.Entry, error) {
	if e.Kind != driver.Coded {
		return e, nil
	}
	if string(e.Payload) == "?" {
		return nil, driver.ErrCorrupt
	}
	out := e.Clone()
	out.Kind, out.Payload = driver.Bytes, []byte(strings.ToLower(string(e.Payload)))
	return out, nil
}

// one is as much of a store as there is under a single key.
type one struct {
	driver.Store
	entry *driver.Entry
}

func (o *one) Get(context.Context, driver.Key, time.Duration) (driver.Reading, error) {
	return driver.Reading{Entry: o.entry, Fence: driver.Fence{Token: 7}}, nil
}

func (o *one) Put(_ context.Context, _ driver.Key, e *driver.Entry, m driver.Mode, t driver.Token) (driver.Result, error) {
	done := m == driver.Set || m == driver.Add && o.entry == nil || m == driver.Fill && t == 7
	if done {
		o.entry = e
	}
	return driver.Result{Done: done}, nil
}

func (o *one) Invalidate(context.Context, driver.Invalidation) (driver.Invalidated, error) {
	return driver.Invalidated{}, nil
}

func (o *one) ReadLog(context.Context, driver.Stamp, time.Duration) (driver.LogReading, error) {
	return driver.LogReading{}, nil
}

func ExampleNew() {
	ctx := context.Background()
	under := &one{}
	s := coded.New(under, shout{})
	_, _ = s.Put(ctx, driver.Key{Name: "k"}, &driver.Entry{Payload: []byte("hello")}, driver.Set, 0)
	r, _ := s.Get(ctx, driver.Key{Name: "k"}, 0)
	fmt.Printf("%s, in the store %s\n", r.Entry.Payload, under.entry.Payload)
	// Output:
	// hello, in the store HELLO
}

func TestAddReplacesWhatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	ctx, key := t.Context(), driver.Key{Name: "k"}
	under := &one{entry: &driver.Entry{Kind: driver.Coded, Payload: []byte("?")}}
	s := coded.New(under, shout{})
	if r, err := s.Get(ctx, key, 0); r.Entry != nil || r.Odd == nil || err != nil {
		t.Errorf("Get: got %+v, %v, want a miss that says why", r, err)
	}
	for i, want := range []bool{true, false} {
		e := &driver.Entry{Payload: fmt.Append(nil, "v", i)}
		if r, err := s.Put(ctx, key, e, driver.Add, 0); r.Done != want || err != nil {
			t.Errorf("Add %d: got %v, %v, want %v", i, r.Done, err, want)
		}
	}
	if r, _ := s.Get(ctx, key, 0); string(r.Entry.Payload) != "v0" {
		t.Errorf("got %q, want v0", r.Entry.Payload)
	}
}

func TestLogBehindWrappers(t *testing.T) {
	t.Parallel()
	under := &one{}
	s := coded.New(coded.New(under, shout{}), shout{})
	if l, ok := driver.Log(s); !ok || l != driver.LogReader(under) {
		t.Errorf("Log: got %v, %v", l, ok)
	}
	if _, ok := driver.Log(coded.New(struct{ driver.Store }{under}, shout{})); ok {
		t.Error("found a log where there is none")
	}
}
