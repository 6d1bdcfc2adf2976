package invalidate

import (
	"context"

	"github.com/stratacache/strata/cache"
)

// Namespace is a group of keys that are dropped together, in one step however
// many there are: the lists of one owner, say. It is a Cache like any other,
// whose Clear is Bump without a transaction.
//
// It is what others do with a version in the keys and a counter beside them. Here
// the version is the position in the store's one record of what was invalidated:
// it is read with the entry, it is never used twice, and if the record is lost
// everything older is invalid.
type Namespace struct {
	cache.Cache
}

// NewNamespace returns the namespace of a kind and an id, or more parts, in c. As
// with [Tag], different lists of parts are different namespaces.
func NewNamespace(c cache.Cache, kind string, parts ...any) Namespace {
	return Namespace{c.WithPrefix(Tag(kind, parts...))}
}

// Bump drops every entry of the namespace: when the transaction of ctx commits,
// or now if there is none. See [Drop].
func (n Namespace) Bump(ctx context.Context) error { return Drop(ctx, n.Cache, Names{All: true}) }
