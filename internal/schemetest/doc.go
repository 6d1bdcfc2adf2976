// Package schemetest holds what must be true of the URLs of all backends
// together. It has only tests.
package schemetest
