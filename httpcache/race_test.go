//go:build race

package httpcache_test

// slowdown divides the work of the longest test under the race detector.
const slowdown = 10
