package memcachedstore_test

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/backends/memcachedstore"
)

// answered is a store whose server answers everything with the same bytes, once
// it has said who it is.
func answered(t *testing.T, answer func(command string) string) *memcachedstore.Store {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					break
				}
				reply := "END\r\n"
				if !strings.HasPrefix(line, "stats") {
					reply = answer(line)
				}
				if _, err := c.Write([]byte(reply)); err != nil || reply == "" {
					break
				}
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return with(t, &memcachedstore.Options{Timeout: 300 * time.Millisecond}, l.Addr().String())
}

// What no memcached answers is an error, and never a hit or a miss.
func TestHostileReplies(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{
		"", "\r\n", "\n", "VA\r\n", "VA 1\r\n", "VA 1 \r\nx\r\n", "VA x O1\r\n", "VA -1 O1\r\n\r\n", "VA 99999999999 O1\r\n", "VA 01 O1\r\n1\r\n",
		"VA 1 O2\r\n1\r\n", "VA 1 O1 O1\r\n1\r\n", "VA 1 O1\r\n12\r\n", "VA 1 O1\r\nx\r\n", "VA 30 O1\r\n123456789012345678901234567890\r\n",
		"VA 1 O1 Q\r\n1\r\n", "VA 1  O1\r\n1\r\n", "HD O1\r\n", "EN\r\n", "EN O9\r\n", "NF O1\r\n", "NS O1\r\n", "EX O1\r\n", "MN O1\r\n",
		"OK\r\n", "END\r\n", "VALUE k 0 1\r\nx\r\nEND\r\n", "ERROR\r\n", "CLIENT_ERROR bad\r\n", "SERVER_ERROR busy\r\n",
		"SERVER_ERROR out of memory storing object\r\n", "+PONG\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", strings.Repeat("x", 1<<17), "VA 1 t-2 O1\r\n1\r\n",
	} {
		s := answered(t, func(string) string { return reply })
		if r, err := s.Get(t.Context(), key("k"), 0); err == nil {
			t.Errorf("%.40q: got %+v and no error", reply, r)
		}
		if err := s.Ping(t.Context()); err == nil {
			t.Errorf("%.40q: Ping: got no error", reply)
		}
	}
}

// A line that is taken means one thing, and a hostile one neither panics nor
// allocates what it declares.
func FuzzReply(f *testing.F) {
	for _, s := range []string{
		"VA 5 c12 t-1 O1\r\nhello\r\n", "HD c1 O1\r\n", "EN O1\r\n", "NF O1\r\n", "EX c0 O1\r\n", "MN\r\n", "VA 1073741824 c1 O1\r\nx",
		"VA 2 O1\r\n15\r\nEN O2\r\n", "SERVER_ERROR object too large for cache\r\n", "HD O2\r\n", "VA 5 c1 W Z O1\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		got, err := memcachedstore.ReadReplies(stream)
		if err != nil {
			return
		}
		// What was read is what a server would write of it.
		if !strings.HasPrefix(string(stream), "VA ") && !strings.HasPrefix(string(stream), "EN ") {
			t.Fatalf("%q was taken for %q", stream, got)
		}
		if got != "" && !strings.Contains(string(stream), "\r\n"+got+"\r\n") {
			t.Fatalf("%q: got the value %q", stream, got)
		}
	})
}

// After a call that was cut short the next one has an answer of its own.
func TestNoAnswerIsMispaired(t *testing.T) {
	t.Parallel()
	late := make(chan struct{})
	first := true
	s := answered(t, func(string) string {
		if first {
			first = false
			<-late
		}
		return "MN\r\n"
	})
	if err := s.Ping(t.Context()); err == nil || errors.Is(err, t.Context().Err()) {
		t.Fatalf("Ping of a server that hangs: got error %v", err)
	}
	close(late)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatalf("the next Ping: %v", err)
	}
}
