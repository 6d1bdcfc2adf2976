// Package fragment caches parts of html/template pages.
//
// A fragment is a named template of a set, called by the function cache:
//
//	{{cache "sidebar" . "5m" (vary .User.ID) (tags "articles")}}
//
// in place of {{template "sidebar" .}}. Its arguments are the template's name,
// the data it is given, how long its output may be kept, and, as they are
// needed, what it varies on and what it depends on.
//
// # Lifetimes
//
// "5m", "1h30m": a [time.Duration] or its text. A number, or its text, is
// seconds. "forever" and nil do not expire. Zero and less: rendered every time.
//
// # Varying
//
// The output is kept apart for each list of vary values. They are compared with
// their types: 1 and "1" differ, as do ("a", "b") and "a:b". Strings, numbers,
// booleans, times and what has a text form of its own may be used, and pointers
// to them. A nil, which is what an undefined field of a map gives, is an error:
// a page must not be shared because somebody mistyped a name.
//
// # Tags
//
// A tag drops every fragment that has it: see cache.Cache.Invalidate.
//
// # Errors
//
// A fragment that fails leaves nothing in the page and nothing in the cache.
// When the cache is down, fragments are rendered.
//
// # Concurrency
//
// A cold fragment that many requests want is rendered once. Rendering happens
// in a goroutine of its own, which may outlive the request that began it if
// others wait for its output: do not change data after it was given to Execute.
package fragment
