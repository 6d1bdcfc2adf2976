// Package browser drives the webapp in a real browser. It is a module of its own,
// so that nobody else downloads what that needs.
//
// It uses the Chromium of the system (on Debian: apt-get install chromium) and is
// skipped without one.
package browser
