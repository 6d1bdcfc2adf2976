// Package pgnotify wakes the relay of an outbox in PostgreSQL by NOTIFY, so that
// it need not wait for its next look.
package pgnotify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Listener listens on a connection of its own. It is for one relay.
type Listener struct {
	config  *pgx.ConnConfig
	channel string

	mu   sync.Mutex // held while Wait waits
	conn *pgx.Conn
}

// New returns a listener on a channel, which is the name of the outbox's table,
// by a URL or connection string as pgx takes it. It does not touch the network.
func New(url, channel string) (*Listener, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("pgnotify: the URL cannot be read") // it may hold a password
	}
	return &Listener{config: config, channel: channel}, nil
}

// Wait is for outbox.Options.Wake: it returns nil when something may have been
// written since the last call, which is so too when it had to connect.
func (l *Listener) Wait(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		conn, err := pgx.ConnectConfig(ctx, l.config)
		if err != nil {
			return fmt.Errorf("pgnotify: connect: %w", err)
		}
		if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{l.channel}.Sanitize()); err != nil {
			l.hangUp(conn)
			return fmt.Errorf("pgnotify: listen: %w", err)
		}
		l.conn = conn
		return nil
	}
	_, err := l.conn.WaitForNotification(ctx)
	if err != nil && (ctx.Err() == nil || l.conn.IsClosed()) {
		l.hangUp(l.conn)
		l.conn = nil
	}
	if err != nil {
		return fmt.Errorf("pgnotify: wait: %w", err)
	}
	return nil
}

// Close ends the connection. Call it when the relay has ended.
func (l *Listener) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		l.hangUp(l.conn)
		l.conn = nil
	}
}

func (l *Listener) hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
