// Package memcachedstore keeps entries in memcached (1.6 or later).
package memcachedstore
