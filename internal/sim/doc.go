// Package sim drives real clients of package cache against a model of the world,
// and looks for values that nobody may see any more.
//
// # The world
//
// Several processes, each a [cache.Client] with memory tiers or without, over one
// shared store, one log and one database. The store is a model (authority) that
// passes drivertest, in one atomic step for each call or, as a cluster does it, in
// several. It loses entries, its record, parts of its log or all; a replica that
// is behind takes over; its clock jumps, as do the processes'. Processes crash,
// are cut off, or no longer hear the log. Requests and replies are lost and late; a
// request whose caller has given up may still arrive. Loaders are slow and fail.
//
// # A run
//
// Each seed is a run in a bubble of testing/synctest. Whatever an engine asks of
// the store or the database is parked until the schedule moves it on: when all
// goroutines are blocked, it draws one call, or a new thing for an idle actor to
// do, a fault, or some time to pass. Nothing else is left to chance, so a seed
// always gives the same history. What a run is like (how many processes, which
// faults, how often) is drawn too: few faults find what many cover up.
//
//	go test ./internal/sim -seeds 100000 -first 10000
//	go test ./internal/sim -run TestSeeds -seed 4711      # prints the history
//	go test ./internal/sim -run TestSeeds -without fence  # see rules.go
//
// # What must hold
//
//   - A read that began after an invalidation had done its effect returns nothing
//     older than what was committed before it: at once in the process that
//     invalidated and in those that read past their memory, within the bound in the
//     others. This goes for stale values too.
//   - Nothing older is ever valid again in the shared store, and what is there is
//     whole.
//   - A load's result was stored, or it was not, as the engine says.
//   - Every call returns, and no goroutine is left.
//   - When all is well again, each process reads what is true and keeps it.
//
// # Mutants
//
// A simulation that finds nothing may be blind. `make mutants` takes each rule of
// the protocol out and prints after how many seeds that is found.
package sim
