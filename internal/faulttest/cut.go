package faulttest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/internal/servertest"
)

// testCut: a reply that breaks off is an error, and nobody is ever given a part
// of it, or the answer to somebody else's question.
func testCut(t *testing.T, h Harness) {
	server := h.Start(t)
	proxy := servertest.Proxy(t, server.Addr)
	s := h.Open(t, proxy.Addr)
	ctx := t.Context()
	const keys = 8
	for i := range keys {
		if _, err := s.Put(ctx, keyOf(name(i)), &driver.Entry{Payload: payloadOf(i), Life: long()}, driver.Set, 0); err != nil {
			t.Fatal(err)
		}
	}
	for keep := 1; keep < 700; keep += 1 + keep/8 {
		proxy.CutReplies(2, keep)
		var right, failed atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 8 {
					i := rand.IntN(keys)
					call, cancel := context.WithTimeout(ctx, patience)
					r, err := s.Get(call, keyOf(name(i)), 0)
					cancel()
					switch {
					case err != nil:
						failed.Add(1)
					case r.Entry == nil || !bytes.Equal(r.Entry.Payload, payloadOf(i)):
						t.Errorf("%d bytes kept: got %v (odd: %v), want the value of %s", keep, r.Entry, r.Odd, name(i))
					default:
						right.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if right.Load() == 0 {
			t.Errorf("%d bytes kept: all %d readings failed, though two replies were cut", keep, failed.Load())
		}
	}
	if proxy.Lost() == 0 {
		t.Error("no reply was cut: this test has tested nothing")
	}
}

// payloadOf is long, and like no other.
func payloadOf(i int) []byte { return bytes.Repeat([]byte(name(i)+"."), 90) }
