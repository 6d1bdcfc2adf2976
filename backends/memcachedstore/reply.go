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

// receive reads the answer to o, which was the command of that number. An error
// of the server that concerns o alone is o.err, and nil is returned.
func (c *conn) receive(o *op, serial uint64) error {
	line, err := c.readLine()
	if err != nil {
		return err
	}
	word, flags, _ := bytes.Cut(line, []byte(" "))
	size := -1
	switch string(word) {
	case "VA":
		var number []byte
		number, flags, _ = bytes.Cut(flags, []byte(" "))
		n, ok := decimal(number)
		if !ok || n > maxValue || !(o.verb == get && !o.plain || o.verb == advance) {
			return errProtocol
		}
		size = int(n)
	case "HD":
		if !(o.verb == set || o.verb == remove || o.verb == get && o.plain) {
			return errProtocol
		}
	case "MN":
		if o.verb != nothing || len(flags) > 0 {
			return errProtocol
		}
		return nil
	case "EN":
		if o.verb != get {
			return errProtocol
		}
		o.status = missing
	case "NF":
		if o.verb == get || o.verb == nothing {
			return errProtocol
		}
		o.status = missing
	case "NS", "EX":
		if !(o.verb == set || o.verb == remove) || o.when == always {
			return errProtocol
		}
		o.status = refused
	case "SERVER_ERROR":
		return c.refusal(o, line)
	default:
		return serverError(line)
	}
	if err := c.readFlags(o, flags, serial); err != nil {
		return err
	}
	if size < 0 {
		return nil
	}
	return c.readValue(o, size)
}

// refusal is the answer to a set for which the server has no room. Whatever
// else the server has to say, the connection may be out of step.
func (c *conn) refusal(o *op, line []byte) error {
	err := serverError(line)
	if o.verb != set {
		return err
	}
	switch {
	case bytes.HasPrefix(line, []byte("SERVER_ERROR object too large")):
		o.status = tooLarge
	case bytes.HasPrefix(line, []byte("SERVER_ERROR out of memory")):
		o.err = err
	default:
		return err
	}
	return nil
}

// readFlags reads what follows the word. The opaque flag must be there, and be
// that of the command.
func (c *conn) readFlags(o *op, flags []byte, serial uint64) error {
	ours, hasCAS := false, false
	o.got, o.left = 0, -1
	for len(flags) > 0 {
		var flag []byte
		flag, flags, _ = bytes.Cut(flags, []byte(" "))
		if len(flag) == 0 {
			return errProtocol
		}
		rest := flag[1:]
		switch flag[0] {
		case 'O':
			var buf [8]byte
			if ours || !bytes.Equal(rest, strconv.AppendUint(buf[:0], serial&serialMask, 36)) {
				return errProtocol
			}
			ours = true
		case 'c':
			n, ok := decimal(rest)
			if !ok || hasCAS {
				return errProtocol
			}
			hasCAS = n != 0
			o.got = cas((n ^ c.life) &^ tokenBit)
		case 't':
			if string(rest) == "-1" {
				break
			}
			n, ok := decimal(rest)
			if !ok || n > 1<<40 {
				return errProtocol
			}
			o.left = int64(n)
		case 'W', 'X', 'Z': // of items that other programs vivified
		default:
			return errProtocol
		}
	}
	wantsCAS := o.status == done && (o.back || o.verb == get && !o.number && !o.plain)
	if !ours || wantsCAS && !hasCAS {
		return errProtocol
	}
	return nil
}

// readValue reads the bytes of a value and its line end.
func (c *conn) readValue(o *op, size int) error {
	const digits, atOnce = 20, 1 << 20
	if o.number || o.verb == advance {
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
	// What is declared is not allocated before it arrives, if it is much.
	data := make([]byte, min(size, atOnce), min(size, atOnce)+2)
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
