package memcachedstore_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// fake is a memcached in this process. It does one command at a time, and asks
// before each one: so a test can choose the order in which the commands of
// several connections are done.
type fake struct {
	// turn is called before each command. It may wait.
	turn func()

	mu    sync.Mutex
	items map[string]*fakeItem
	cas   uint64
	conns sync.WaitGroup
}

type fakeItem struct {
	value string
	cas   uint64
}

func newFake(turn func()) *fake { return &fake{turn: turn, items: make(map[string]*fakeItem)} }

// dial is a Options.DialContext.
func (f *fake) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	f.conns.Go(func() { f.serve(server) })
	return client, nil
}

func (f *fake) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReaderSize(c, 1<<20) // all that is written at once is read at once
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		var value []byte
		if words[0] == "ms" {
			size, _ := strconv.Atoi(words[2])
			value = make([]byte, size+2)
			if _, err := io.ReadFull(r, value); err != nil {
				return
			}
			value = value[:size]
		}
		if words[0] != "stats" && f.turn != nil {
			f.turn()
		}
		if _, err := io.WriteString(c, f.do(words, string(value))); err != nil {
			return
		}
	}
}

// do does a command and returns its answer.
func (f *fake) do(words []string, value string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch words[0] {
	case "stats":
		return "STAT pid 1\r\nSTAT time 2000\r\nSTAT uptime 1000\r\nEND\r\n"
	case "mn":
		return "MN\r\n"
	}
	name, flags := words[1], words[2:]
	if words[0] == "ms" {
		flags = words[3:]
	}
	has := func(flag string) (rest string, ok bool) {
		for _, f := range flags {
			if rest, ok := strings.CutPrefix(f, flag); ok {
				return rest, true
			}
		}
		return "", false
	}
	it := f.items[name]
	opaque, _ := has("O")
	end := " O" + opaque + "\r\n"
	answer := func(it *fakeItem, word string) string {
		out := word
		if _, ok := has("v"); ok {
			out = fmt.Sprint("VA ", len(it.value))
		}
		if _, ok := has("c"); ok {
			out += fmt.Sprint(" c", it.cas)
		}
		if _, ok := has("t"); ok {
			out += " t-1"
		}
		out += end
		if _, ok := has("v"); ok {
			out += it.value + "\r\n"
		}
		return out
	}
	if want, ok := has("C"); ok && words[0] != "mg" {
		switch {
		case it == nil:
			return "NF" + end
		case want != fmt.Sprint(it.cas):
			return "EX" + end
		}
	}
	switch words[0] {
	case "mg":
		if it == nil {
			return "EN" + end
		}
		return answer(it, "HD")
	case "md":
		if it == nil {
			return "NF" + end
		}
		delete(f.items, name)
		return "HD" + end
	case "ma":
		if it == nil {
			return "NF" + end
		}
		n, err := strconv.ParseUint(it.value, 10, 64)
		if err != nil {
			return "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
		}
		by, _ := has("D")
		d, _ := strconv.ParseUint(by, 10, 64)
		it.value = strconv.FormatUint(n+d, 10)
		f.cas++
		it.cas = f.cas
		return answer(it, "HD")
	case "ms":
		if _, add := has("ME"); add && it != nil {
			return "NS" + end
		}
		f.cas++
		it = &fakeItem{value, f.cas}
		f.items[name] = it
		if _, quiet := has("q"); quiet {
			return ""
		}
		return answer(it, "HD")
	}
	return "ERROR\r\n"
}

// evict removes an item whose name begins so, if there is one.
func (f *fake) evict(choose func(names []string) string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := make([]string, 0, len(f.items))
	for n := range f.items {
		names = append(names, n)
	}
	delete(f.items, choose(names))
}
