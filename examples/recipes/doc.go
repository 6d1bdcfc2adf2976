// Package recipes shows the page cache in the routers and beside the libraries
// that people use. Each function is a recipe, and the tests run them all.
//
// The rule is everywhere the same: what belongs to a visit (request ids, logs,
// sessions) stands outside of the cache, what makes the page inside of it.
//
// It is a module of its own, so that nobody downloads these libraries for Strata.
package recipes
