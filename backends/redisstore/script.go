package redisstore

import (
	"context"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"errors"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var sources embed.FS

// script is one program for the server.
type script struct {
	source any // a string; an any, so that passing it allocates nothing
	sha    any
}

type scripts struct {
	get, header, plant, head, set, add, fill, setFenced, touch, incr, invalidate, move, drop, record, settle script
	// Of a cluster; each touches one key.
	shardPlant, shardAdd, shardFill, shardSetFenced, shardTouch, shardIncr, remove, take, advance, histories script
}

// loadScripts puts each script together with what it shares with others.
func loadScripts() (scripts, error) {
	var s scripts
	var errs []error
	load := func(to *script, files ...string) {
		var source []byte
		for _, name := range files {
			text, err := sources.ReadFile("lua/" + name + ".lua")
			if err != nil {
				errs = append(errs, err)
			}
			source = append(source, text...)
		}
		sum := sha1.Sum(source) // the server's name for it, no secret
		*to = script{source: string(source), sha: hex.EncodeToString(sum[:])}
	}
	load(&s.get, "gethit", "common", "valid", "read", "get")
	load(&s.header, "common", "valid", "read", "header", "get")
	load(&s.plant, "common", "valid", "read", "plant")
	load(&s.head, "common", "head")
	load(&s.set, "common", "log", "set")
	load(&s.add, "common", "valid", "log", "add")
	load(&s.fill, "common", "fill")
	load(&s.setFenced, "common", "log", "setfenced")
	load(&s.touch, "common", "valid", "log", "touch")
	load(&s.incr, "common", "valid", "count", "log", "incr")
	load(&s.invalidate, "common", "valid", "log", "invalidate")
	load(&s.move, "common", "valid", "log", "move")
	load(&s.drop, "common", "drop")
	load(&s.record, "common", "record")
	load(&s.settle, "log", "settle")
	load(&s.shardPlant, "common", "valid", "read", "shardplant")
	load(&s.shardAdd, "common", "shardadd")
	load(&s.shardFill, "common", "shardfill")
	load(&s.shardSetFenced, "common", "shardsetfenced")
	load(&s.shardTouch, "common", "judged", "shardtouch")
	load(&s.shardIncr, "common", "count", "judged", "shardincr")
	load(&s.remove, "common", "remove")
	load(&s.take, "common", "take")
	load(&s.advance, "log", "advance")
	load(&s.histories, "common", "histories")
	return s, errors.Join(errs...)
}

// newArgs makes the arguments of a script with keys keys: the first three
// places are for the command itself. more is how many will follow the keys.
func newArgs(keys, more int) []any {
	args := make([]any, 3, 3+keys+more)
	args[2] = keys
	return args
}

// processor is a client or one connection of it.
type processor interface {
	Process(context.Context, redis.Cmder) error
	Pipelined(context.Context, func(redis.Pipeliner) error) ([]redis.Cmder, error)
}

// recordAttempts is how often a call makes a new meta record before it gives up.
const recordAttempts = 3

var errNoRecord = errors.New("redisstore: the meta record vanishes as soon as it is made")

// eval runs a script. Unless again, go-redis never sends it twice, because
// doing it twice is not the same as doing it once. That a server did not know
// it, or had no meta record, means that it did nothing.
func (s *primary) eval(ctx context.Context, sc *script, args []any, again bool) (any, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	for range recordAttempts {
		reply, err := evalOnce(ctx, s.rdb, sc, args, again)
		if !errors.Is(err, redis.Nil) {
			return reply, wrap(ctx, err)
		}
		if err := s.makeRecord(ctx); err != nil {
			return nil, wrap(ctx, err)
		}
	}
	return nil, errNoRecord
}

func evalOnce(ctx context.Context, p processor, sc *script, args []any, again bool) (any, error) {
	args[0], args[1] = "evalsha", sc.sha
	cmd := redis.NewCmd(ctx, args...)
	err := process(ctx, p, cmd, again)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		args[0], args[1] = "eval", sc.source
		cmd = redis.NewCmd(ctx, args...)
		err = process(ctx, p, cmd, again)
	}
	return cmd.Val(), err
}

func process(ctx context.Context, p processor, cmd *redis.Cmd, again bool) error {
	if again {
		return p.Process(ctx, cmd)
	}
	return p.Process(ctx, once{cmd})
}

// once is a command that go-redis does not repeat after a network error.
type once struct{ redis.Cmder }

// NoRetry is what go-redis asks.
func (once) NoRetry() bool { return true }
