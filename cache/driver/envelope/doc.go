// Package envelope is the binary form in which an entry travels to a server
// and lies in it. Backends that keep entries outside of this process use it;
// one that keeps *driver.Entry needs none.
//
// # Layout
//
// All numbers are big endian. What lies before the tags has a fixed place, so
// that a script in the server can read it and splice into it.
//
//	offset  bytes
//	     0      2  magic "ST"
//	     2      1  version, 1
//	     3      1  kind: 0 bytes, 1 integer, 2 negative, 3 coded; 'P' is a placeholder
//	     4      8  token
//	    12      8  epoch
//	    20      8  stamp, less than 2^53
//	    28      4  Adler-32 of bytes 4 to 28; of an integer, of those and the payload
//	    32      8  fresh, Unix nanoseconds
//	    40      8  expires, Unix nanoseconds, not before fresh
//	    48      4  CRC-32C of bytes 32 to 48
//	    52      4  CRC-32C of bytes 0 to 4 and of all from 56 on; of an integer,
//	               without the payload and its length
//	    56      8  FNV-1a (64 bits) of the key
//	    64      8  schema
//	    72      4  cost in µs; what is longer than 2^32-1 is that
//	    76      2  number of tags
//	    78      4  length of the tags block
//	    82      4  length of the payload
//	    86         tags: each its length in 2 bytes, and its bytes
//	               payload, to the end
//
// A placeholder ends after its token: 12 bytes.
//
// # Why three sums
//
// Each covers what one party writes. The server writes epoch and stamp when it
// stores an explicit Set, and the digits of an integer when it adds to it, in a
// scripting language where Adler-32 over so few bytes is cheap. Touch replaces
// bytes 32 to 52 by a block that the client made. The rest is written once.
//
// Together they cover every byte: no envelope with one byte changed decodes to
// anything else.
//
// # Trust
//
// [Decode] takes any bytes. It returns the very entry that was encoded under
// the same key, or an error, and checks each declared size before it allocates. The
// sums find accidents. They do not keep out somebody who may write to the
// server.
package envelope
