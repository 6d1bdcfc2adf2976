// Package fragment caches parts of html/template pages, and other components.
//
// # Blocks
//
// A cached block is an if whose condition is a call of cache, and nothing else:
//
//	{{if cache "sidebar" "5m" (vary .User.ID) (tags "articles")}}
//	  … any template text …
//	{{end}}
//
// On a hit its text comes from the cache; otherwise the body is executed where
// it stands, with the dot, $ and variables that are there. Its arguments are its
// name, how long it may be kept, and, as they are needed, what it varies on and
// what it depends on. html/template escapes the body for its place, which may be
// an attribute or a script too, and refuses one that ends in another context
// than it began in. [New] refuses a block that could not come from the cache: one
// that sets a variable from outside, or leaves a loop that is around it.
//
// # Templates
//
// A named template of the set is cached by calling it through cache,
//
//	{{cache "sidebar" . "5m" (vary .User.ID) (tags "articles")}}
//
// in place of {{template "sidebar" .}}: as a block, with the data that it is
// given after the name.
//
// # Lifetimes
//
// "5m", "1h30m": a [time.Duration] or its text. A number, or its text, is
// whole seconds: a fraction is cut off. "forever" and nil do not expire. Zero and less: rendered every time.
//
// # Varying
//
// The output is kept apart for each list of vary values. They are compared with
// their types: 1 and "1" differ, as do ("a", "b") and "a:b". Strings, numbers,
// booleans, times and what has a text form of its own may be used, and pointers
// to them. A nil, which is what an undefined field of a map gives, is an error:
// a page must not be shared because somebody mistyped a name.
//
// The text of the template, and of all that it calls, is part of the key: a
// release that changes it renders anew. What template functions do is not seen.
//
// # Tags
//
// A tag drops every fragment that has it: see cache.Cache.Invalidate. A fragment
// with others in it has their tags too, and ends when the first of them does. So
// does a value that is loaded through the cache and made from fragments; for a page
// see [Options].OnTags. What a method of the data tells the load that it is part
// of, by cache.Loading, counts for the fragment and for those around it.
//
// # Data
//
// A hit must not cost its queries: give templates methods that ask the database
// when they are called, not their results. See the example.
//
// Methods that take a context are given it by the function context, as in
// {{range .Notes context}}. Within a fragment it is that of the load: it does not
// end with a request that others take the output of, and what is loaded in it may
// add tags: see [AddTags].
//
// # Errors
//
// A fragment that fails leaves nothing in the page and nothing in the cache.
// When the cache is down, fragments are rendered.
//
// # Concurrency
//
// A cold fragment that many requests want is rendered once. A named template is
// rendered in a goroutine of its own, which may outlive the request that began
// it if others wait for its output: do not change data after it was given to
// Execute. A block is rendered by the first request that wants it, and so never
// in the background: where cache.Options.Stale lets a template be shown past its
// time, or after its tag expired, while it is rendered anew, the first request waits
// for a block, and shows the others what there was.
package fragment
