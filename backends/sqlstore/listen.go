package sqlstore

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"math/rand/v2"
	"reflect"
	"sync"
	"time"
)

const (
	// listenCheck is after how long of silence, about, a connection is asked whether
	// there still is one.
	listenCheck = 30 * time.Second
	// listenTime is how long connecting, and that, may take.
	listenTime = 5 * time.Second
	// listenRetry is how long the first pause is after a connection was lost, and
	// listenMax the longest.
	listenRetry = 100 * time.Millisecond
	listenMax   = 10 * time.Second
)

// errDeaf says that the driver does not tell of notifications.
var errDeaf = errors.New("the driver's connections cannot wait for notifications")

// listener wakes the readings of a store's log when its channel is notified. It
// has a connection of its own and a goroutine, from the first reading until the
// store closes.
type listener struct {
	db *sql.DB // of [Open]; nil: that of the store

	mu    sync.Mutex
	began bool
	woken chan struct{} // closed by the next message
}

// next is closed when something may have happened after the call.
func (l *listener) next() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.woken == nil {
		l.woken = make(chan struct{})
	}
	return l.woken
}

func (l *listener) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.woken != nil {
		close(l.woken)
		l.woken = nil
	}
}

// listen begins to listen, if nobody does.
func (s *Store) listen() {
	l := &s.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.began {
		return
	}
	l.began = true
	db := l.db
	if db == nil {
		db = s.db
	}
	if l.db == nil && db.Stats().MaxOpenConnections == 1 {
		return // there is none to spare
	}
	s.sweeper.begin(func() { l.run(s.sweeper.ctx, db, s.channel()) })
}

// run listens until ctx ends, on one connection after the other.
func (l *listener) run(ctx context.Context, db *sql.DB, channel string) {
	retry := listenRetry
	for ctx.Err() == nil {
		began := time.Now()
		err := l.connect(ctx, db, channel)
		if errors.Is(err, errDeaf) {
			return // readings look by themselves
		}
		if time.Since(began) > listenMax {
			retry = listenRetry
		}
		pause(ctx, retry/2+rand.N(retry))
		retry = min(2*retry, listenMax)
	}
}

// connect listens on one connection until that fails, which it returns.
func (l *listener) connect(ctx context.Context, db *sql.DB, channel string) error {
	conn, err := subscribe(ctx, db, channel)
	if err != nil {
		return err
	}
	defer hangUp(conn)
	l.wake() // something may have been missed
	for err == nil {
		err = conn.Raw(func(c any) error {
			wait := waiting(c)
			if wait == nil {
				return errDeaf
			}
			return l.hear(ctx, wait)
		})
		if err == nil {
			err = ping(ctx, conn)
		}
	}
	return err
}

// hear passes on what comes, until there is nothing for a while.
func (l *listener) hear(ctx context.Context, wait func(context.Context) error) error {
	for {
		silence, cancel := context.WithTimeout(ctx, listenCheck/2+rand.N(listenCheck))
		err := wait(silence)
		over := silence.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case err == nil:
			l.wake()
		case over:
			return nil
		default:
			return err
		}
	}
}

func subscribe(ctx context.Context, db *sql.DB, channel string) (*sql.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, listenTime)
	defer cancel()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, `LISTEN "`+channel+`"`); err != nil {
		hangUp(conn)
		return nil, err
	}
	return conn, nil
}

// hangUp ends a connection, which must not go back to the pool: there it would go
// on listening.
func hangUp(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return sqldriver.ErrBadConn })
	_ = conn.Close()
}

func ping(ctx context.Context, conn *sql.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, listenTime)
	defer cancel()
	return conn.PingContext(ctx)
}

// waiting is how a connection of the driver waits for a notification, or nil if
// it cannot. This package imports no driver: of pgx's it knows the names of two
// methods, Conn and WaitForNotification.
func waiting(conn any) func(context.Context) error {
	inner := reflect.ValueOf(conn).MethodByName("Conn")
	if !inner.IsValid() || inner.Type().NumIn() != 0 || inner.Type().NumOut() != 1 {
		return nil
	}
	wait := inner.Call(nil)[0].MethodByName("WaitForNotification")
	if !wait.IsValid() {
		return nil
	}
	of := wait.Type()
	if of.NumIn() != 1 || of.In(0) != reflect.TypeFor[context.Context]() || of.NumOut() != 2 || of.Out(1) != reflect.TypeFor[error]() {
		return nil
	}
	return func(ctx context.Context) error {
		err, _ := wait.Call([]reflect.Value{reflect.ValueOf(ctx)})[1].Interface().(error)
		return err
	}
}
