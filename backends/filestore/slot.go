package filestore

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

// slot is what stands under a key. The zero slot is nothing.
type slot struct {
	token driver.Token  // of the entry or the placeholder; 0: nothing fences
	entry *driver.Entry // one that has not ended, valid or not
	until int64         // when the placeholder ends
	odd   error         // why the file is neither
	waste bool          // the file is of no use to anybody
	size  int64         // of the file, or none
	// weight is the size as far as it counts (see amount), known under the lock.
	weight int64
}

// none is the size of a file that is not there.
const none = -1

// A placeholder's file is its envelope, when it ends in Unix nanoseconds, and
// the CRC-32C of both.
const placeholderLen = envelope.PlaceholderLen + 8 + 4

func placeholder(t driver.Token, until int64) []byte {
	b := binary.BigEndian.AppendUint64(envelope.Placeholder(t), uint64(until))
	return binary.BigEndian.AppendUint32(b, checksum(b))
}

// look reads what stands under key at now.
func look(at place, key driver.Key, now int64) (slot, error) {
	b, err := readFile(at.path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return slot{size: none}, nil
	case errors.Is(err, driver.ErrForeign):
		return slot{odd: err, waste: true}, nil
	case err != nil:
		return slot{}, err
	}
	return parseSlot(b, key, now), nil
}

func parseSlot(b []byte, key driver.Key, now int64) slot {
	s := slot{size: int64(len(b))}
	if len(b) == placeholderLen {
		if _, err := envelope.Decode(key, b[:envelope.PlaceholderLen]); errors.Is(err, driver.ErrMiss) {
			s.until = int64(binary.BigEndian.Uint64(b[envelope.PlaceholderLen:]))
			switch sum := binary.BigEndian.Uint32(b[placeholderLen-4:]); {
			case sum != checksum(b[:placeholderLen-4]):
				s.odd, s.waste = driver.ErrCorrupt, true
			case now >= s.until:
				s.waste = true
			default:
				s.token = envelope.Token(b)
			}
			return s
		}
	}
	e, err := envelope.Decode(key, b)
	switch {
	case errors.Is(err, driver.ErrNewer):
		s.odd = err
	case errors.Is(err, driver.ErrMiss): // a placeholder without an end
		s.odd, s.waste = driver.ErrCorrupt, true
	case err != nil:
		s.odd, s.waste = err, true
	case e.Life.Expires != driver.Forever && now >= e.Life.Expires:
		s.waste = true
	default:
		s.entry, s.token = e, e.Token
	}
	return s
}

// look reads what stands under key, for a step.
func (l *locked) look(at place, key driver.Key) (slot, error) {
	is, err := look(at, key, now())
	is.weight = none
	if is.size == none || err != nil {
		return is, err
	}
	if is.entry == nil && is.token != 0 || is.entry != nil && l.allows(&driver.Entry{Stamp: is.entry.Stamp}) {
		is.weight = is.size
	} else {
		is.weight = l.stat(at).weight
	}
	return is, nil
}

// stat is look for who replaces whatever it is.
func (l *locked) stat(at place) slot {
	info, err := os.Lstat(at.path)
	if err != nil {
		return slot{size: none, weight: none}
	}
	f := file{place: at}.as(info)
	return slot{size: f.size, weight: f.weight(&l.header)}
}

// live is the entry that v allows and that is a value, or nil.
func (s *slot) live(v *view) *driver.Entry {
	if s.entry == nil || s.entry.Kind == driver.Negative || !v.allows(s.entry) {
		return nil
	}
	return s.entry
}

// remove takes the file away.
func (s *Store) remove(at place) error {
	if err := os.Remove(at.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return syncDir(filepath.Dir(at.path), s.opts.Sync)
}

// encode is the file of an entry.
func encode(key driver.Key, e *driver.Entry) []byte {
	return envelope.Encode(make([]byte, 0, envelope.Len(e)), key, e)
}
