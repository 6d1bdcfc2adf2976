package memcachedstore

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/stratacache/strata/cache/driver"
)

// maxName is the longest name of an item that memcached takes.
const maxName = 250

// names makes the names under which memcached knows things, and has that of the
// clock. All begin with the namespace and a fingerprint of the servers, so that a
// server which leaves and returns with what it had is not asked for it: with other
// servers beside it, other names are asked for.
type names struct{ prefix, clock string }

func namesFor(namespace string, addrs []address) names {
	list := make([]string, len(addrs))
	for i, a := range addrs {
		list[i] = a.network + " " + a.name
	}
	slices.Sort(list)
	sum := sha256.Sum256([]byte(strings.Join(list, "\n")))
	prefix := namespace + ":" + base64.RawURLEncoding.EncodeToString(sum[:6]) + ":"
	return names{prefix: prefix, clock: prefix + "c"}
}

// key is the name of an entry.
func (n names) key(k driver.Key) string { return portable(n.prefix, "k", k.Scope, k.Name) }

// tag is the name of a tag's stamp.
func (n names) tag(epoch, tag string) string { return portable(n.prefix, "t"+epoch, tag, "") }

// all is the name of the stamp of TagAll.
func (n names) all(epoch string) string { return n.prefix + "a" + epoch }

// guard is the name of a guard.
func (n names) guard(epoch string, i int) string { return n.prefix + "g" + epoch + strconv.Itoa(i) }

// portable joins prefix, kind and name, which has two parts and may hold any
// bytes. One that memcached does not take as it is becomes its SHA-256.
func portable(prefix, kind, scope, name string) string {
	const plain, hashed = ":", "#"
	if len(prefix)+len(kind)+len(plain)+len(scope)+len(name) <= maxName && printable(scope) && printable(name) {
		return prefix + kind + plain + scope + name
	}
	sum := sha256.Sum256([]byte(scope + name))
	return prefix + kind + hashed + base64.RawURLEncoding.EncodeToString(sum[:])
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
