package sqlstore

import (
	"context"

	"github.com/stratacache/strata/cache/driver"
)

// Peek implements driver.Peeker, in PostgreSQL: it reads the entry's row without the
// namespace's. The others keep no log by which somebody could judge what it returns.
func (s *Store) Peek(ctx context.Context, key driver.Key) (*driver.Entry, error) {
	if s.dialect != PostgreSQL {
		return nil, nil
	}
	var r row
	var epoch, stamp column64
	there := false
	p := &params{items: []item{{name: nameOf(key)}}}
	err := s.run(ctx, "peek", func(c session) (err error) {
		there, err = c.one(ctx, "peek", p, &r.token, &epoch, &stamp, &r.body, &r.changed)
		return err
	})
	if err != nil || !there {
		return nil, err
	}
	r.epoch, r.stands = epoch, stamp<<standsBits|standsValid
	return s.reading(key, &r).Entry, nil
}
