package redisstore

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"
)

// job is one of several scripts that travel together.
type job struct {
	script *script
	args   []any
	again  bool // go-redis may send it twice
	cmd    *redis.Cmd
	err    error
}

// evalMany runs jobs in one pipeline. Each job's cmd and err say what came of
// it; the error is for all. Jobs that did nothing, because the server did not
// know the script or had no meta record, are sent again.
func (s *primary) evalMany(ctx context.Context, jobs []job) error {
	if len(jobs) == 0 {
		return nil
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	todo := make([]*job, len(jobs))
	for i := range jobs {
		todo[i] = &jobs[i]
	}
	for range recordAttempts {
		s.send(ctx, todo)
		var again []*job
		unknown := make(map[*script]bool)
		record := false
		for _, j := range todo {
			switch {
			case redis.HasErrorPrefix(j.err, "NOSCRIPT"):
				unknown[j.script] = true
			case errors.Is(j.err, redis.Nil):
				record = true
			default:
				continue
			}
			again = append(again, j)
		}
		if len(again) == 0 {
			return nil
		}
		for sc := range unknown {
			if err := s.rdb.Do(ctx, "script", "load", sc.source).Err(); err != nil {
				return wrap(ctx, err)
			}
		}
		if record {
			if err := s.makeRecord(ctx); err != nil {
				return wrap(ctx, err)
			}
		}
		todo = again
	}
	return errNoRecord
}

// send runs jobs in their order. Several scripts among them are each sent whole
// where they first stand: one that the server does not know would otherwise be
// sent again after those that stood behind it.
func (s *primary) send(ctx context.Context, jobs []*job) {
	cmds := make([]redis.Cmder, len(jobs))
	var whole []*script
	mixed := slices.ContainsFunc(jobs, func(j *job) bool { return j.script != jobs[0].script })
	for i, j := range jobs {
		j.args[0], j.args[1] = "evalsha", j.script.sha
		if mixed && !slices.Contains(whole, j.script) {
			j.args[0], j.args[1] = "eval", j.script.source
			whole = append(whole, j.script)
		}
		j.cmd = redis.NewCmd(ctx, j.args...)
		if cmds[i] = j.cmd; !j.again {
			cmds[i] = once{j.cmd}
		}
	}
	if len(jobs) == 1 {
		jobs[0].err = s.rdb.Process(ctx, cmds[0])
		return
	}
	_, _ = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, cmd := range cmds {
			_ = p.Process(ctx, cmd)
		}
		return nil
	})
	for _, j := range jobs {
		j.err = j.cmd.Err()
	}
}
