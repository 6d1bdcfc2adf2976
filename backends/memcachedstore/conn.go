package memcachedstore

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
)

const (
	readBuffer  = 16 << 10
	writeBuffer = 32 << 10
	// pipelined is how many commands are sent before their replies are read. It
	// keeps the commands within what the server takes in while nobody reads its
	// replies: otherwise both would wait for each other.
	pipelined = 256
	// itemOverhead is what an item needs beside its name and value, of the item
	// limit: header, CAS id and line ends, at most.
	itemOverhead = 48 + 8 + 4 + 3
)

// conn is one connection. It is used by one call at a time, and closed after
// whatever went wrong: so nobody reads an answer that was meant for another.
type conn struct {
	net net.Conn
	r   *bufio.Reader
	w   *bufio.Writer
	// life differs between two runs of a server at one address. CAS ids are
	// combined with it, so that one of an earlier run meets nothing: a server that
	// restarts counts them from 1 again.
	life    uint64
	maxItem int // the server's item limit
	serial  uint64
	line    []byte
	// interrupt has what the connection waits for fail at once.
	interrupt func()
}

func newConn(nc net.Conn) *conn {
	c := &conn{net: nc, r: bufio.NewReaderSize(nc, readBuffer), w: bufio.NewWriterSize(nc, writeBuffer)}
	c.interrupt = func() { _ = nc.SetDeadline(time.Unix(1, 0)) }
	return c
}

// greet learns the server's life and its item limit. A server that does not tell
// them (a proxy) has life 0 and the limit of which it says so itself.
func (c *conn) greet() error {
	if _, err := c.w.WriteString("stats\r\nstats settings\r\n"); err != nil {
		return err
	}
	if err := c.w.Flush(); err != nil {
		return err
	}
	general, err := c.stats()
	if err != nil {
		return err
	}
	settings, err := c.stats()
	if err != nil {
		return err
	}
	if settings["cas_enabled"] == "no" {
		return errors.New("the server runs without CAS ids (-C)")
	}
	if limit, err := strconv.Atoi(settings["item_size_max"]); err == nil {
		c.maxItem = limit
	}
	// The second in which the server started is its time less its uptime.
	now, err1 := strconv.ParseUint(general["time"], 10, 63)
	uptime, err2 := strconv.ParseUint(general["uptime"], 10, 63)
	if err1 == nil && err2 == nil && general["pid"] != "" {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], now-uptime)
		copy(b[8:], general["pid"])
		c.life = xxhash.Sum64(b[:]) &^ tokenBit
	}
	return nil
}

// stats reads one list of statistics.
func (c *conn) stats() (map[string]string, error) {
	const most = 1000
	all := make(map[string]string)
	for range most {
		line, err := c.readLine()
		if err != nil {
			return nil, err
		}
		if string(line) == "END" {
			return all, nil
		}
		stat, ok := strings.CutPrefix(string(line), "STAT ")
		name, value, _ := strings.Cut(stat, " ")
		if !ok {
			return all, serverError(line)
		}
		all[name] = value
	}
	return nil, errProtocol
}

// guard has what is waited for fail soon after ctx or deadline ends, until stop.
// Where stop returns false, that may happen at any time later.
func (c *conn) guard(ctx context.Context, deadline time.Time) (stop func() bool, err error) {
	if err := c.net.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if ctx.Done() == nil {
		return func() bool { return true }, nil
	}
	return context.AfterFunc(ctx, c.interrupt), nil
}

// exchange sends ops, and reads their answers into them. It says whether any was
// read, and whether the connection can be used again. It cannot after an error,
// and not if ctx has ended.
func (c *conn) exchange(ctx context.Context, deadline time.Time, ops []op) (read, sound bool, err error) {
	stop, err := c.guard(ctx, deadline)
	if err != nil {
		return false, false, err
	}
	read, err = c.talk(ops)
	return read, stop() && err == nil, err
}

func (c *conn) talk(ops []op) (read bool, err error) {
	for len(ops) > 0 {
		part := ops[:min(len(ops), pipelined)]
		ops = ops[len(part):]
		c.prepare(part)
		for i := range part {
			if part[i].unsent {
				continue
			}
			if err := c.send(&part[i]); err != nil {
				return read, err
			}
		}
		if err := c.w.Flush(); err != nil {
			return read, err
		}
		for len(part) > 0 {
			if part[0].unsent {
				part = part[1:]
				continue
			}
			n, err := c.receive(part)
			if err != nil {
				return read, err
			}
			read = true
			part = part[n:]
		}
	}
	return read, nil
}

// prepare leaves out what is too large, and has the last of the others answered:
// that says that all are done.
func (c *conn) prepare(ops []op) {
	var last *op
	for i := range ops {
		o := &ops[i]
		o.status, o.err, o.data = done, nil, nil
		o.unsent = o.verb == set && c.maxItem > 0 && len(o.name)+len(o.value)+itemOverhead > c.maxItem
		if o.unsent {
			o.status = tooLarge
		} else {
			last = o
		}
	}
	if last != nil {
		last.quiet = false
	}
}

// send writes one command.
func (c *conn) send(o *op) error {
	b := append(c.line[:0], 'm', byte(o.verb))
	if o.verb == nothing {
		_, err := c.w.WriteString("mn\r\n")
		return err
	}
	b = append(b, ' ')
	b = append(b, o.name...)
	if o.verb == set {
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(len(o.value)), 10)
	}
	c.serial = (c.serial + 1) & serialMask
	o.serial = c.serial
	b = c.appendFlags(b, o)
	b = append(b, '\r', '\n')
	if o.verb == set && len(o.value) <= c.w.Size()/4 {
		b = append(b, o.value...)
		b = append(b, '\r', '\n')
	}
	c.line = b
	_, err := c.w.Write(b)
	if err == nil && o.verb == set && len(o.value) > c.w.Size()/4 {
		if _, err = c.w.Write(o.value); err == nil {
			_, err = c.w.WriteString("\r\n")
		}
	}
	return err
}

func (c *conn) appendFlags(b []byte, o *op) []byte {
	switch o.verb {
	case get:
		if !o.plain {
			b = append(b, " v"...)
		}
		if !o.plain && !o.number {
			b = append(b, " c t"...)
		}
		if o.number && o.back {
			b = append(b, " c"...)
		}
	case advance:
		b = append(b, " v D"...)
		b = strconv.AppendUint(b, o.by, 10)
	case set:
		if o.back {
			b = append(b, " c"...)
		}
	}
	if o.expiry != 0 {
		b = append(b, " T"...)
		b = strconv.AppendInt(b, o.expiry, 10)
	}
	switch {
	case o.when == exact:
		b = append(b, " C"...)
		b = strconv.AppendUint(b, c.unmasked(o.cas), 10)
	case o.when == absent:
		b = append(b, " ME"...)
	}
	if o.quiet {
		b = append(b, " q"...)
	}
	b = append(b, " O"...)
	return strconv.AppendUint(b, c.serial, 36)
}

// serialMask keeps the numbers by which replies are known again short.
const serialMask = 1<<20 - 1

// noCAS is an id that no item has: the server would take 0 for no condition.
const noCAS = 1<<64 - 1

func (c *conn) unmasked(id cas) uint64 {
	if n := uint64(id) ^ c.life; n != 0 {
		return n
	}
	return noCAS
}

func (c *conn) close() { _ = c.net.Close() }

// errProtocol is an answer that no memcached gives.
var errProtocol = errors.New("unexpected reply")

// serverError is the error that a line is. It quotes little of it, and no value.
func serverError(line []byte) error {
	s := string(line[:min(len(line), 80)])
	for _, prefix := range []string{"SERVER_ERROR ", "CLIENT_ERROR ", "ERROR"} {
		if strings.HasPrefix(s, prefix) {
			return fmt.Errorf("the server says %q", s)
		}
	}
	return errProtocol
}
