// Package drivertest is the conformance suite that every backend passes, and
// [Faulty], a store that fails on purpose.
//
// # Running it for a new backend
//
// A backend's own test is a [Harness]. For a store in memory, whose time is
// that of package testing/synctest:
//
//	func TestConformance(t *testing.T) {
//		drivertest.Run(t, drivertest.Harness{
//			Open:     func(t testing.TB) driver.Store { return mystore.New() },
//			LoseMeta: func(t testing.TB, s driver.Store) { s.(*mystore.Store).NewEpoch() },
//			Bubble:   true,
//		})
//	}
//
// For a server, where the suite waits truly for lifetimes of [Harness].Moment:
//
//	func TestConformance(t *testing.T) {
//		addr := startServer(t)
//		var n atomic.Int64
//		drivertest.Run(t, drivertest.Harness{
//			Open:     func(t testing.TB) driver.Store { return mystore.New(addr, fmt.Sprint("ns", n.Add(1))) },
//			Again:    func(t testing.TB, s driver.Store) driver.Store { return mystore.New(addr, s.(*mystore.Store).Namespace()) },
//			LoseMeta: func(t testing.TB, s driver.Store) { del(t, addr, s.(*mystore.Store).MetaKey()) },
//			Dead:     func(t testing.TB) driver.Store { return mystore.New("127.0.0.1:1", "dead") },
//		})
//	}
//
// Only Open must be given. A rule that needs a hook which is nil is skipped and
// says so, as is one that is named in [Harness].Limits: nothing is left out in
// silence.
//
// # What it checks
//
// Each rule is a subtest that is named after it, and says it again where it
// fails. The rules of package driver are asked of the store itself; those of
// the contract for applications are asked of a client over the store, and carry
// its row number (LL-052). -run chooses among them:
//
//	go test -run 'TestConformance/touch'
//	go test -run 'TestConformance/.*/LL-052'
//
// What a test is for is best seen in the smallest backend that passes them all,
// in smallest_test.go, and in mutants_test.go, which takes one rule after the
// other out of it and names the test that then fails.
package drivertest
