//go:build !race

package httpcache_test

const slowdown = 1
