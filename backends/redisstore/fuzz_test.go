package redisstore

import (
	"encoding/binary"
	"testing"
)

// FuzzParseChange: whatever stands in the stream is changes with numbers that
// follow each other up to n, or nothing.
func FuzzParseChange(f *testing.F) {
	epoch := string(binary.BigEndian.AppendUint64(nil, 7))
	f.Add(epoch+"1 k4:ns:at1:b", uint64(5))
	f.Add(epoch+"2 k4:ns:ak4:ns:b", uint64(5))
	f.Add(epoch+"1 x", uint64(5))
	f.Add("", uint64(0))
	s := &space{prefix: "ns:"}
	f.Fuzz(func(t *testing.T, text string, n uint64) {
		changes, ok := s.parseChange(text, 7, n)
		if ok != (len(changes) > 0) {
			t.Fatalf("got %d changes and %v", len(changes), ok)
		}
		for i, c := range changes {
			if want := n - uint64(len(changes)) + 1 + uint64(i); c.N != want {
				t.Errorf("change %d: got number %d, want %d", i, c.N, want)
			}
		}
	})
}
