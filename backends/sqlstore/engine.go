package sqlstore

import (
	"context"
	"database/sql"

	"github.com/stratacache/strata/cache/driver"
)

// engine is how a dialect does the steps, each of them at once. All fail with
// errNoRecord, and do nothing, where there is none.
type engine interface {
	// plant plants placeholders and returns the tokens of those that stand now
	// under the names of p, and of no others.
	plant(ctx context.Context, c session, p *params) (map[string]driver.Token, error)
	set(ctx context.Context, c session, p *params) (outcome, error) // many, too
	add(ctx context.Context, c session, p *params) (outcome, error)
	fill(ctx context.Context, c session, p *params) (outcome, error)
	setFenced(ctx context.Context, c session, p *params) (outcome, error)
	touch(ctx context.Context, c session, p *params) (outcome, error)
	incr(ctx context.Context, c session, p *params) (outcome, error)
	move(ctx context.Context, c session, p *params) (outcome, error)
	// invalidate says in removed what live entries it removed.
	invalidate(ctx context.Context, c session, p *params) (outcome, error)
}

// outcome is what a step did.
type outcome struct {
	clock driver.Stamp
	done  bool
	value int64
	// removed are names.
	removed []string
	// logged says that it was added to the log, of which somebody is to be told.
	logged bool
}

func (o outcome) result() driver.Result { return driver.Result{Done: o.done, Clock: o.clock} }

// single does each step in a single statement.
type single struct{}

// do runs a statement that returns epoch, clock, a value, which is nothing if it
// did not do it, and whether that is in the log.
func (single) do(ctx context.Context, c session, name string, p *params) (outcome, error) {
	var epoch, clock int64
	var value sql.NullInt64
	var logged bool
	ok, err := c.one(ctx, name, p, &epoch, &clock, &value, &logged)
	if err == nil && !ok {
		err = errNoRecord
	}
	if err != nil {
		return outcome{}, err
	}
	c.tell(logged)
	return outcome{clock: c.s.stamp(epoch, clock), done: value.Valid, value: value.Int64, logged: logged}, nil
}

// tell tells the readers of the log of something that was added to it.
func (c session) tell(logged bool) {
	if logged && !c.foreign { // whose transaction has not ended
		c.s.notifier.notify()
	}
}

func (single) plant(ctx context.Context, c session, p *params) (map[string]driver.Token, error) {
	return tokensOf(c.query(ctx, "plant", p))
}

func (e single) set(ctx context.Context, c session, p *params) (outcome, error) {
	switch {
	case len(p.items) == 1 && p.by == 1:
		return e.do(ctx, c, "set", p)
	case p.plain():
		return e.do(ctx, c, "setplain", p)
	}
	return e.do(ctx, c, "setmany", p)
}

func (e single) add(ctx context.Context, c session, p *params) (outcome, error) {
	return e.do(ctx, c, "add", p)
}

func (e single) fill(ctx context.Context, c session, p *params) (outcome, error) {
	return e.do(ctx, c, "fill", p)
}

func (e single) setFenced(ctx context.Context, c session, p *params) (outcome, error) {
	return e.do(ctx, c, "setfenced", p)
}

func (e single) touch(ctx context.Context, c session, p *params) (outcome, error) {
	return e.do(ctx, c, "touch", p)
}

func (e single) move(ctx context.Context, c session, p *params) (outcome, error) {
	return e.do(ctx, c, "move", p)
}

func (single) invalidate(ctx context.Context, c session, p *params) (outcome, error) {
	var epoch, clock int64
	var logged bool
	var removed string
	ok, err := c.one(ctx, "invalidate", p, &epoch, &clock, &logged, &removed)
	if err == nil && !ok {
		err = errNoRecord
	}
	if err != nil {
		return outcome{}, err
	}
	c.tell(logged)
	names, _ := unlist(removed)
	return outcome{clock: c.s.stamp(epoch, clock), done: true, removed: names, logged: logged}, nil
}

func (e single) incr(ctx context.Context, c session, p *params) (outcome, error) {
	return e.do(ctx, c, "incr", p)
}
