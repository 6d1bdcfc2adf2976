// Webapp is the documentation of the Go standard library as a site: computed
// from the sources on this machine, and cached at every level.
//
//	go run ./examples/webapp
//	go run ./examples/webapp -cache redis://127.0.0.1:6379/0
//	go run ./examples/webapp -cache "locmem:// redis://127.0.0.1:6379/0"
//	go run ./examples/webapp -bench
//
// # What it does without a cache
//
// stdlib.go finds the packages, parse.go and decl.go turn one into plain data,
// notes.go keeps what visitors write, and views.go, with the templates, makes
// pages of it. None of these knows of the cache.
//
// # What is cached, and where
//
//   - library.go: the list and each parsed package through typed views, the
//     rendered documentation as bytes, the counters of "most read", and each
//     visitor's recent packages.
//   - templates/*.html: cached blocks, {{if cache …}}, are the table of packages
//     and the notes on one; cached templates, {{cache …}}, are the ranking and the
//     visitor's own part, which varies on the visitor.
//   - site.go: the page cache around the package pages, which vary on Accept.
//   - shell.go: what is live around a cached page, and why that is outside.
//   - leave.go: a note is written in a transaction, with a hook that drops, by
//     tags and after the commit, the pages and fragments that show it; with an
//     outbox, so that a crash or a cache that is down loses none of that.
//   - open.go: where it is all put together.
//
// # Seeing it
//
// The foot of each page says what the cache did for it, as do the header fields
// Cache-Status and Server-Timing. The page /stats shows what was computed.
package main
