package driver

import "strings"

// Verdict is what the stamps of its tags say of an entry.
type Verdict uint8

const (
	// Invalid: a tag was invalidated after the entry's stamp. It counts as absent.
	Invalid Verdict = iota
	// Expired: only tags that expire were. A reading returns the entry, and says
	// so; to all other steps it is absent.
	Expired
	// Valid: no tag was.
	Valid
)

// removing begins the twin of a tag.
const removing = TagAll + "!"

// Twin is the tag that is invalidated beside tag where entries that may be stale
// are to go too: see [Entry.Judge].
func Twin(tag string) string { return removing + tag }

// Judge judges e, whose epoch is the current one, by the stamps of its tags and
// of TagAll; a tag that was never invalidated has 0.
//
// An entry whose first tag is a [Twin] has one for each of its tags that do not
// begin with NUL. These then only make it expired, and the twins make it invalid.
// Of all other entries each tag does.
func (e *Entry) Judge(stamp func(tag string) uint64) Verdict {
	if stamp(TagAll) > e.Stamp.N {
		return Invalid
	}
	v := Valid
	for _, t := range e.Tags {
		if stamp(t) <= e.Stamp.N {
			continue
		}
		if t == "" || t[0] == TagAll[0] || !strings.HasPrefix(e.Tags[0], removing) {
			return Invalid
		}
		v = Expired
	}
	return v
}
