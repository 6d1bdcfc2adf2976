package memcachedstore

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

// The largest item that a server can be told to take is 1 GiB.
const maxValue = 1 << 30

// reply is the first line of an answer. Its word is one of VA, HD, EN, NF, NS,
// EX and MN.
type reply struct {
	word   [2]byte
	size   int    // of the value that follows a VA
	opaque uint64 // the number of the command that it answers, if it says so
	marked bool   // it does
	cas    uint64 // 0: none
	left   int64
}

// parseReply reads a line. It takes nothing that memcached does not write.
func parseReply(line []byte) (r reply, err error) {
	word, flags, more := bytes.Cut(line, []byte(" "))
	if len(word) != 2 || more && len(flags) == 0 {
		return r, serverError(line)
	}
	r.word, r.left = [2]byte(word), -1
	switch string(word) {
	case "VA":
		var number []byte
		if number, flags, more = bytes.Cut(flags, []byte(" ")); more && len(flags) == 0 {
			return r, errProtocol
		}
		n, ok := decimal(number)
		if !ok || n > maxValue {
			return r, errProtocol
		}
		r.size = int(n)
	case "HD", "EN", "NF", "NS", "EX", "MN":
	default:
		return r, serverError(line)
	}
	for len(flags) > 0 {
		var flag []byte
		if flag, flags, more = bytes.Cut(flags, []byte(" ")); len(flag) == 0 || more && len(flags) == 0 || !r.flag(flag) {
			return r, errProtocol
		}
	}
	return r, nil
}

// flag reads one flag, and says whether it is one.
func (r *reply) flag(flag []byte) (ok bool) {
	rest := flag[1:]
	switch flag[0] {
	case 'O':
		if ok = !r.marked && len(rest) <= 8; ok {
			var err error
			r.opaque, err = strconv.ParseUint(string(rest), 36, 64)
			r.marked, ok = true, err == nil
		}
	case 'c':
		if ok = r.cas == 0; ok {
			r.cas, ok = decimal(rest)
		}
	case 't':
		if string(rest) == "-1" {
			return true
		}
		var n uint64
		n, ok = decimal(rest)
		r.left = int64(n)
		ok = ok && r.left >= 0
	case 'W', 'X', 'Z': // of items that other programs vivified
		ok = len(rest) == 0
	}
	return ok
}

// readLine reads a line without its end. It is valid until the next read.
func (c *conn) readLine() ([]byte, error) {
	line, err := c.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, errProtocol
	}
	if err != nil {
		return nil, err
	}
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return nil, errProtocol
	}
	return line, nil
}

// receive reads one answer to ops, which were sent. It returns how many of them
// are done with: quiet ones say nothing if all is well.
func (c *conn) receive(ops []op) (answered int, err error) {
	line, err := c.readLine()
	if err != nil {
		return 0, err
	}
	if bytes.HasPrefix(line, []byte("SERVER_ERROR ")) {
		return c.refusal(ops, line)
	}
	r, err := parseReply(line)
	if err != nil {
		return 0, err
	}
	for i := range ops {
		o := &ops[i]
		switch {
		case o.unsent:
		case o.verb == nothing && !r.marked || o.verb != nothing && r.marked && r.opaque == o.serial:
			return i + 1, c.accept(o, &r)
		case !o.quiet:
			return 0, errProtocol // another one's answer
		}
	}
	return 0, errProtocol
}

// refusal is what a server says that has no room for a value. It does not say
// for which. Whatever else it has to say, the connection may be out of step.
func (c *conn) refusal(ops []op, line []byte) (answered int, err error) {
	err = serverError(line)
	large := bytes.HasPrefix(line, []byte("SERVER_ERROR object too large"))
	if !large && !bytes.HasPrefix(line, []byte("SERVER_ERROR out of memory")) {
		return 0, err
	}
	for i := range ops {
		o := &ops[i]
		switch {
		case o.unsent:
		case o.quiet:
			o.err = err // perhaps
		case o.verb != set:
			if i > 0 { // it was about one before it
				return 0, nil
			}
			return 0, err
		case large && i == 0:
			o.status = tooLarge
			return 1, nil
		default:
			o.err = err
			return i + 1, nil
		}
	}
	return 0, err
}

// accept takes r for the answer to o, if it can be that, and reads its value.
func (c *conn) accept(o *op, r *reply) error {
	status, ok := done, false
	switch string(r.word[:]) {
	case "VA":
		ok = o.verb == get && !o.plain || o.verb == advance
	case "HD":
		ok = o.verb == set || o.verb == remove || o.verb == get && o.plain
	case "MN":
		ok = o.verb == nothing
	case "EN":
		status, ok = missing, o.verb == get
	case "NF":
		status, ok = missing, o.verb == remove || o.verb == advance || o.verb == set && o.when == exact
	case "NS", "EX":
		status, ok = refused, (o.verb == set || o.verb == remove) && o.when != always
	}
	asked := o.back || o.verb == get && !o.number && !o.plain // for the cas
	if !ok || status == done && asked && r.cas == 0 {
		return errProtocol
	}
	o.status, o.left = status, r.left
	o.got = cas((r.cas ^ c.life) &^ tokenBit)
	if string(r.word[:]) != "VA" {
		return nil
	}
	if o.number || o.verb == advance {
		return c.readNumber(o, r.size)
	}
	return c.readValue(o, r.size)
}

// readNumber reads a value that is a number.
func (c *conn) readNumber(o *op, size int) error {
	const digits = 20
	if size > digits {
		return errProtocol
	}
	b, err := c.r.Peek(size + 2)
	if err != nil {
		return err
	}
	n, ok := decimal(b[:size])
	if !ok || string(b[size:]) != "\r\n" {
		return errProtocol
	}
	o.num = n
	_, err = c.r.Discard(size + 2)
	return err
}

// readValue reads the bytes of a value and its line end. What is declared is not
// allocated before it arrives, if it is much.
func (c *conn) readValue(o *op, size int) error {
	const atOnce = 1 << 20
	data := make([]byte, min(size, atOnce))
	if _, err := io.ReadFull(c.r, data); err != nil {
		return err
	}
	for len(data) < size {
		from := len(data)
		data = append(data, make([]byte, min(size-from, from))...)
		if _, err := io.ReadFull(c.r, data[from:]); err != nil {
			return err
		}
	}
	end, err := c.r.Peek(2)
	if err != nil {
		return err
	}
	if string(end) != "\r\n" {
		return errProtocol
	}
	o.data = data
	_, err = c.r.Discard(2)
	return err
}

// decimal reads an unsigned number that has no sign, no space and no leading
// zero.
func decimal(b []byte) (uint64, bool) {
	const most = len("18446744073709551615")
	if len(b) == 0 || len(b) > most || b[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var n uint64
	for _, d := range b {
		if d < '0' || d > '9' {
			return 0, false
		}
		next := n*10 + uint64(d-'0')
		if n > (1<<64-1)/10 || next < n*10 {
			return 0, false
		}
		n = next
	}
	return n, true
}
