package driver

// Key is the final name of an entry within a namespace. Scope holds prefix and
// version, framed so that Scope+Name is unique for each triple of prefix,
// version and user key; it is the same string for all keys of one view.
//
// A store may use the pair as it is (a map key that needs no concatenation) or
// the joined bytes: both name the same set of entries.
type Key struct {
	Scope string
	Name  string
}

// String returns the joined key. It may hold any bytes.
func (k Key) String() string { return k.Scope + k.Name }

// Len is the length of the joined key in bytes.
func (k Key) Len() int { return len(k.Scope) + len(k.Name) }

// TagAll is the tag that every entry has without naming it: invalidating it
// clears the namespace. Tags that begin with its NUL byte are the cache's own
// (they clear a prefix); tags of applications never do.
const TagAll = "\x00"
