package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// What a server answers when it does not do what it was asked, for errors.Is.
// Nothing was done then, but where a step has several parts (in a cluster, or
// with many keys) the others may have been. "Again" is what a caller may gain
// from calling once more; a client of package cache answers from the loader
// meanwhile.
var (
	// ErrOutOfMemory (OOM): the server has reached maxmemory and may not evict.
	// Reading and removing still work, storing does not. Again: when there is
	// memory, not before.
	ErrOutOfMemory = errors.New("the server is out of memory")
	// ErrNotPersisting (MISCONF): the server cannot save and so refuses all
	// writes, also removals; it still reads. Again: when its disk is mended.
	ErrNotPersisting = errors.New("the server cannot save")
	// ErrReadOnly (READONLY): a replica was asked to write. Again: soon, once the
	// client has found the primary, if there is a fail-over; never, if the address
	// is that of a replica.
	ErrReadOnly = errors.New("the server is a replica")
	// ErrLoading (LOADING): the server has just started and reads its data.
	// Again: soon.
	ErrLoading = errors.New("the server is loading its data")
	// ErrBusy (BUSY): a script of somebody runs for too long. Again: when it has
	// ended, or was killed.
	ErrBusy = errors.New("the server is busy with a script")
	// ErrClusterDown (CLUSTERDOWN, TRYAGAIN): the cluster does not serve the key's
	// slot now. Again: after a fail-over, which takes seconds.
	ErrClusterDown = errors.New("the cluster does not serve the key")
	// ErrPrimaryDown (MASTERDOWN): a replica that has lost its primary does not
	// answer. Again: soon.
	ErrPrimaryDown = errors.New("the replica has lost its primary")
	// ErrNoReplicas (NOREPLICAS): the primary has fewer replicas than it must have
	// to take a write. Again: when they are back.
	ErrNoReplicas = errors.New("the server has too few replicas to write")
	// ErrDenied (NOAUTH, WRONGPASS, NOPERM): the password is missing or wrong, or
	// the user may not do this: see the package documentation for what it must
	// be allowed. Again: never.
	ErrDenied = errors.New("the server denies it")
)

// conditionOf finds what of the above an error is. Servers before 7 put what a
// script met into an ERR of their own.
func conditionOf(text string) error {
	for code, condition := range map[string]error{
		"OOM": ErrOutOfMemory, "MISCONF": ErrNotPersisting, "READONLY": ErrReadOnly, "LOADING": ErrLoading, "BUSY": ErrBusy,
		"CLUSTERDOWN": ErrClusterDown, "TRYAGAIN": ErrClusterDown, "MASTERDOWN": ErrPrimaryDown, "NOREPLICAS": ErrNoReplicas,
		"NOAUTH": ErrDenied, "WRONGPASS": ErrDenied, "NOPERM": ErrDenied,
	} {
		if strings.HasPrefix(text, code+" ") || strings.Contains(text, " -"+code+" ") {
			return condition
		}
	}
	return nil
}

// condition is a server's error that says what it is.
type condition struct{ is, err error }

func (c condition) Error() string   { return c.err.Error() }
func (c condition) Unwrap() []error { return []error{c.is, c.err} }

// wrap says what failed. A call that failed because its context ended says so:
// the socket's deadline may pass a moment before the context's.
func wrap(ctx context.Context, err error) error {
	if err == nil || strings.HasPrefix(err.Error(), "redisstore: ") { // our own, or wrapped already
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
	if is := conditionOf(err.Error()); is != nil {
		err = condition{is, err}
	}
	return fmt.Errorf("redisstore: %w", err)
}
