// Package servertest starts real servers for tests: on loopback, on random
// ports, in temporary directories. What it starts it stops by its process id,
// and the kernel kills it when the test process dies in any other way.
//
// On a machine without the server's program a test is skipped, and says what
// was not run. With STRATA_REQUIRE_SERVERS=1, which `make test` sets, it fails.
//
// [Redis] and its kind are a server for one test, which may kill it. [SharedRedis]
// and its kind are one for the whole test binary: each test takes a namespace of
// its own. A package that uses one runs its tests through [Main]:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(servertest.Main(m)) }
//
// [Proxy] stands between a client and a server and loses replies, cuts them
// short, or has messages overtake each other.
package servertest
