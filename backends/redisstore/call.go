package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// begin is the start of each call. All that follows is done in the caller's
// goroutine: handing it to another one, so that a canceled call need not wait
// for a server that hangs, was measured to double the time of a hit.
func (s *primary) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return wrap(ctx, err)
	}
	return wrap(ctx, s.checkOnce(ctx))
}

// wrap says what failed. A call that failed because its context ended says so:
// the socket's deadline may pass a moment before the context's.
func wrap(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, errReply) || errors.Is(err, errNoRecord) {
		return err
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	} else if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		err = context.DeadlineExceeded
	}
	// A server that does not know a command repeats its arguments: of HELLO these
	// hold the password, of a script the value.
	if head, _, ok := strings.Cut(err.Error(), ", with args beginning with"); ok {
		err = errors.New(head)
	}
	return fmt.Errorf("redisstore: %w", err)
}
