package redisstore

import "github.com/stratacache/strata/cache/driver"

// mgetArgs are the arguments of an MGET, for one call after the other.
type mgetArgs struct {
	names []string
	args  []any // "mget", and pointers to names, because to box a string allocates
}

func (s *space) newMGetArgs() *mgetArgs {
	if a, ok := s.mgets.Get().(*mgetArgs); ok {
		return a
	}
	return new(mgetArgs)
}

// freeMGetArgs takes them back when the call has returned.
func (s *space) freeMGetArgs(a *mgetArgs) {
	clear(a.names)
	s.mgets.Put(a)
}

// fill returns the arguments for keys.
func (a *mgetArgs) fill(s *space, keys []driver.Key) []any {
	if n := len(keys); n > len(a.names) {
		a.names, a.args = make([]string, n), append(make([]any, 0, 1+n), "mget")
		for i := range a.names {
			a.args = append(a.args, &a.names[i])
		}
	}
	s.fillNames(a.names[:len(keys)], func(i int) driver.Key { return keys[i] })
	return a.args[:1+len(keys)]
}
