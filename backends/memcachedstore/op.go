package memcachedstore

import "github.com/stratacache/strata/cache/driver"

// verb is a command of the meta protocol.
type verb byte

const (
	get     verb = 'g' // mg
	set     verb = 's' // ms
	remove  verb = 'd' // md
	advance verb = 'a' // ma: adds to a number
	nothing verb = 'n' // mn
)

// condition is what must stand for a set or a remove to be done.
type condition byte

const (
	always condition = iota
	absent           // nothing
	exact            // the very item that had op.cas
)

// status is how the server answered.
type status byte

const (
	done     status = iota // HD, VA or MN
	missing                // EN or NF
	refused                // NS or EX: the condition did not hold
	tooLarge               // over the server's item limit
)

// cas identifies a version of an item: the server's CAS id, and the life of the
// server that gave it, because after a restart it gives the same ids again (see
// conn.life).
type cas uint64

// op is one command, and what became of it.
type op struct {
	server *server
	verb   verb
	name   string
	value  []byte
	when   condition
	cas    cas
	expiry int64  // of a set, or of a get that is also a touch; 0: none
	by     uint64 // of an advance
	number bool   // a get of a number, which comes without cas and expiry
	plain  bool   // a get that asks for no value
	back   bool   // a set that asks for the new cas, or a get of a number that does
	quiet  bool   // a set that is not answered if it is done
	serial uint64 // by which its answer is known
	unsent bool   // a set that was found too large before

	// The answer. err says that there was none.
	err    error
	status status
	data   []byte
	num    uint64
	got    cas
	left   int64 // seconds until the server drops the item; -1: never
}

// firstErr is the first error among ops.
func firstErr(ops []op) error {
	for i := range ops {
		if err := ops[i].err; err != nil {
			return err
		}
	}
	return nil
}

// tokenBit is set in the tokens of placeholders, which are their cas, and in no
// other token.
const tokenBit = 1 << 63

// token is the fence that a placeholder is.
func (c cas) token() driver.Token { return driver.Token(c) | tokenBit }

// casOf is the cas of the placeholder with that token, if it is one's.
func casOf(t driver.Token) (c cas, ok bool) {
	return cas(t &^ tokenBit), t&tokenBit != 0
}
