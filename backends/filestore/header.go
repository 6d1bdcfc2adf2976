package filestore

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/stratacache/strata/cache/driver"
)

// A header is the beginning of the meta file. It is replaced by one write, so
// that epoch, counter and the length of the journal of tags change together.
// All numbers are big endian.
//
//	offset  bytes
//	     0      8  "STmeta1" and a newline
//	     8      8  epoch
//	    16      8  n
//	    24      8  length of the journal, which follows the header
//	    32      8  inode of the file for which it was written
//	    40     16  boot during which it was written; zeros: it is on the disk
//	    56      8  when all was last cleared, Unix nanoseconds
//	    64      8  the number that an entry may already carry: n, or one more
//	    72     16  how many entries were stored since then and are still there, and
//	           how long their files are
//	    88      4  CRC-32C of all before
type header struct {
	epoch, n, length, inode uint64
	boot                    [16]byte
	cleared                 int64
	pending                 uint64
	kept                    amount
}

const (
	metaMagic = "STmeta1\n"
	headerLen = 92
	bootAt    = 40
	clearedAt = 56
	pendingAt = 64
	keptAt    = 72
	sumAt     = 88
)

func (h *header) stamp() driver.Stamp { return driver.Stamp{Epoch: h.epoch, N: h.n} }

func (h *header) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, metaMagic...)
	for _, n := range [...]uint64{h.epoch, h.n, h.length, h.inode} {
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	dst = append(dst, h.boot[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.cleared))
	dst = binary.BigEndian.AppendUint64(dst, h.pending)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.kept.files))
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.kept.bytes))
	return binary.BigEndian.AppendUint32(dst, checksum(dst[start:]))
}

// parseHeader reports false for anything but a whole header.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) != headerLen || string(b[:len(metaMagic)]) != metaMagic || binary.BigEndian.Uint32(b[sumAt:]) != checksum(b[:sumAt]) {
		return header{}, false
	}
	for i, n := range [...]*uint64{&h.epoch, &h.n, &h.length, &h.inode} {
		*n = binary.BigEndian.Uint64(b[len(metaMagic)+8*i:])
	}
	copy(h.boot[:], b[bootAt:])
	h.cleared = int64(binary.BigEndian.Uint64(b[clearedAt:]))
	h.pending = binary.BigEndian.Uint64(b[pendingAt:])
	h.kept.files = int64(binary.BigEndian.Uint64(b[keptAt:]))
	h.kept.bytes = int64(binary.BigEndian.Uint64(b[keptAt+8:]))
	return h, h.epoch != 0 && h.length <= maxJournal
}

// A journal is a list of invalidated tags: n in 8 bytes, the length of the tag
// in 2, the tag, and the CRC-32C of those.
func appendTag(dst []byte, tag string, n uint64) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint64(dst, n)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(tag)))
	dst = append(dst, tag...)
	return binary.BigEndian.AppendUint32(dst, checksum(dst[start:]))
}

func tagLen(tag string) uint64 { return 8 + 2 + 4 + uint64(len(tag)) }

// parseTags gives each tag of a journal to put, and reports false if it is not
// whole.
func parseTags(b []byte, put func(tag string, n uint64)) bool {
	for len(b) > 0 {
		if len(b) < 10 {
			return false
		}
		end := 10 + int(binary.BigEndian.Uint16(b[8:]))
		if len(b) < end+4 || binary.BigEndian.Uint32(b[end:]) != checksum(b[:end]) {
			return false
		}
		put(string(b[10:end]), binary.BigEndian.Uint64(b))
		b = b[end+4:]
	}
	return true
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
