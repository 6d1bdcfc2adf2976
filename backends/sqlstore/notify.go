package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"
)

const (
	// notifyGap is how far apart, at least, two messages of a process are.
	notifyGap = 5 * time.Millisecond
	// notifyTime is how long one may take.
	notifyTime = 5 * time.Second
)

// channel is where those who read the log of this namespace are woken.
func (s *Store) channel() string {
	sum := sha256.Sum256([]byte(s.opts.Table + "/" + s.namespace))
	return "strata_" + hex.EncodeToString(sum[:8])
}

// notifier wakes who reads the log, after changes of this process.
//
// It does so beside them: a commit that notifies keeps all others of the database
// that do from committing. Changes that come close together share a message, which
// says nothing but that there is something to read; one that is lost, with this
// process too, is made up for by the readers' own looking.
type notifier struct {
	store *Store

	mu      sync.Mutex
	running bool
	again   bool
}

// notify returns at once.
func (n *notifier) notify() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.again = true
	if !n.running {
		n.running = n.store.sweeper.begin(n.run)
	}
}

func (n *notifier) run() {
	ctx := n.store.sweeper.ctx
	for n.more(ctx) {
		n.send(ctx)
		pause(ctx, notifyGap)
	}
}

// more reports whether something happened since it was last asked.
func (n *notifier) more(ctx context.Context) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running = n.again && ctx.Err() == nil
	n.again = false
	return n.running
}

func (n *notifier) send(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, notifyTime)
	defer cancel()
	_, _ = session{s: n.store}.exec(ctx, "notify", new(params)) // who reads also looks
}
