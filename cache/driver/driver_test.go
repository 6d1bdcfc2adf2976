package driver_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver"
)

// A wrapper around a store gets every field that was added since it was written,
// because Clone does.
func TestCloneCopiesEveryField(t *testing.T) {
	t.Parallel()
	e := &driver.Entry{
		Token: 1, Stamp: driver.Stamp{Epoch: 2, N: 3}, Life: driver.Life{Fresh: 4, Expires: 5}, Kind: driver.Integer,
		Schema: 6, Cost: 7, Tags: []string{"t"}, Payload: []byte("p"),
	}
	e.Keep("decoded")
	original, twin := reflect.ValueOf(e).Elem(), reflect.ValueOf(e.Clone()).Elem()
	for f := range original.Type().Fields() {
		if !f.IsExported() {
			continue
		}
		a, b := original.FieldByIndex(f.Index), twin.FieldByIndex(f.Index)
		if a.IsZero() {
			t.Errorf("%s is zero in the original: give it a value here", f.Name)
		}
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			t.Errorf("%s: got %v, want %v", f.Name, b, a)
		}
	}
	if twin.Addr().Interface().(*driver.Entry).Decoded() != nil {
		t.Error("the decoded value went along")
	}
}

func TestLife(t *testing.T) {
	t.Parallel()
	now := time.Unix(100, 0)
	for _, tc := range []struct {
		expires int64
		ended   bool
	}{
		{now.UnixNano() - 1, true},
		{now.UnixNano(), true}, // LL-043: at the instant it is gone
		{now.UnixNano() + 1, false},
		{driver.Forever, false},
	} {
		if got := (driver.Life{Expires: tc.expires}).Ended(now); got != tc.ended {
			t.Errorf("expires %d, now %d: ended %v, want %v", tc.expires, now.UnixNano(), got, tc.ended)
		}
	}
}

// store is one that keeps entries; wrapper does not say so itself.
type (
	store   struct{ driver.Store }
	wrapper struct{ driver.Store }
)

func (store) KeepsEntries() bool       { return true }
func (w wrapper) Unwrap() driver.Store { return w.Store }

func (store) GetMany(context.Context, []driver.Key, time.Duration) ([]driver.KeyReading, error) {
	return nil, errors.New("went around the wrapper")
}

func (w wrapper) Get(context.Context, driver.Key, time.Duration) (driver.Reading, error) {
	return driver.Reading{}, nil
}

// A property is found behind a wrapper; an operation is not, or it would go
// around what the wrapper does.
func TestWhatIsFoundBehindAWrapper(t *testing.T) {
	t.Parallel()
	w := wrapper{store{}}
	if k, ok := driver.As[driver.EntryKeeper](w); !ok || !k.KeepsEntries() {
		t.Error("the property was not found")
	}
	if _, ok := driver.As[driver.EntryKeeper](struct{ driver.Store }{store{}}); ok {
		t.Error("the property was found behind what has no Unwrap")
	}
	if r, err := driver.GetMany(t.Context(), w, make([]driver.Key, 2), 0); err != nil || len(r) != 2 {
		t.Errorf("GetMany: got %v, %v; want two readings of the wrapper's Get", r, err)
	}
}
