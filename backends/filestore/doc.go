// Package filestore keeps entries in the files of a directory, which any number
// of processes of one machine may share.
//
//	store, err := filestore.New("/var/cache/shop", &filestore.Options{Namespace: "shop"})
//
// # Files
//
// A namespace is a folder of that name in the directory: the meta record, and an
// entry for each key in one of 256 folders, named after the SHA-256 of the key.
// Files end in ".strata", ".strata-tmp" or ".strata-lock"; nothing else is ever
// read, counted or removed. In the name of a namespace A is written as =a, for
// file systems that take both for one.
//
// Files are made with the mode 0600 and folders with 0700, whatever the umask
// is, and folders that were removed are made again when they are needed. The
// modification time of a file says when it ends, not when it was written.
//
// A file is written beside the one that it replaces and renamed: a reader sees
// the old or the new one. What is cut, changed, empty, foreign or another key's
// is a miss (Reading.Odd says so) and is removed; an entry of a newer format is
// a miss and is left alone.
//
// # What a step costs
//
// A read takes no lock: it looks at the meta file, reads its header, and reads the
// entry's file. Everything else, also a read that plants a placeholder, takes the
// one lock of the namespace, in which it reads what stands and renames or removes
// a file; the file of a Put is written before. The lock belongs to the system,
// which gives it back when a process ends in any way. A process that is stopped
// while it has the lock keeps others from writing, and from planting what a load
// needs, until their contexts end; it does not keep them from reading.
//
// # Processes that end, power that fails
//
// A process may be killed at any moment: what it had acknowledged stays, and of
// the step that it was in all or nothing is seen.
//
// A loss of power may undo what was not yet on the disk, also an invalidation.
// The meta record therefore names the boot in which it was written, and in
// another one the namespace starts anew, empty. With [Options].Sync all that is
// acknowledged is on the disk, and entries outlive a restart of the system;
// writes then take as long as the disk needs, several times over.
//
// The record also names its own inode: a directory that was copied or restored
// from a backup, whose entries may have been invalidated since, starts anew,
// too. What brings back a whole disk unnoticed, such as a snapshot of a virtual
// machine with its memory, also brings back old entries.
//
// # Bounds
//
// The meta record counts the entries and the bytes of their files, for all
// processes. The write that exceeds a bound throws out, from a sample of the
// folders, what has ended and then what was written, touched or counted the
// longest ago, until there is a little less than the bound. Reading does not make
// an entry younger.
//
// The bounds are soft: each writer may be over by its own entry for a moment; of
// a bound that was lowered, each write removes up to 256 entries; and what
// processes that were killed did not count is put right by a walk through the
// folders, one every few writes, and by each sweep. No write lists the whole
// directory. Placeholders of loads in flight are not counted, and neither is what
// a Clear or a new epoch made invalid, until it is swept.
//
// # Expiration
//
// An entry is gone at the instant its life ends, by the clock of the machine.
// Its file goes when it is read, when its folder is counted, or with the next
// sweep. One process of a namespace sweeps at a time. After a Clear the files go
// soon, in the background.
//
// # When the disk fails
//
// A missing file is a miss, and a missing directory is an empty one; all other
// failures are returned. A write that fails leaves no temporary file. When there
// is no room, a Set or SetFenced also removes the value that it could not
// replace, as for one that is too large; after any other failure the old one
// stays. Removing and invalidating need no room: a tag whose invalidation cannot
// be written down starts a new epoch, as if all was cleared.
//
// Calls of the file system cannot be interrupted: a context is looked at before
// each step and while waiting for the lock.
//
// # Limits
//
// It needs a local file system, and Linux, macOS or a BSD: elsewhere [New] fails
// with an error that wraps errors.ErrUnsupported. Network file systems show
// changes late and are not supported. An entry has at most 1 GiB. The invalidated
// tags of an epoch are kept in the memory of each process, about 100 bytes each;
// above 262,144 the namespace starts anew, empty. Several keys are read with one
// look at the clock, but written one by one.
//
// # URLs
//
// The schemes file and filecache of cache.Open take a directory and the
// parameters namespace, max_entries, max_bytes, sweep and sync:
//
//	file:///var/cache/shop?namespace=shop&max_entries=10000&sweep=10m
//	file:cache/shop           relative to the working directory
//	filecache:///C:/cache     with a drive; so is filecache:C:/cache
package filestore
