# The two commands of the README are `go run ./examples/webapp` and `make test`.

# Pinned here and not in go.mod, so that users of the library download neither.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     = mvdan.cc/gofumpt@v0.12.0

# Modules of their own, so that nobody who imports the root downloads what they
# need.
NESTED = examples/recipes examples/webapp/browser invalidate/gorminvalidate invalidate/recipes

# How long each fuzz target runs, and where they are that `make test` runs: what
# reads what comes from clients and from servers.
FUZZTIME ?= 10s
FUZZED    = ./httpcache ./cache/driver/envelope ./backends/memcachedstore

.PHONY: test table check bench fuzz contract mutants

# All tests under the race detector, on real servers, which the tests start
# themselves on loopback. A server that cannot be had is a failure, not a skip.
test:
	.ci/servers
	@reports=$$(mktemp -d) && trap 'rm -rf "$$reports"' EXIT && \
	STRATA_REQUIRE_SERVERS=1 STRATA_CONFORMANCE=$$reports go test -race ./... && \
	go run ./internal/conformance -reports $$reports README.md
	go test -count=1 ./internal/sim -run '^TestSeeds$$' -seeds 10000
	@for dir in $(NESTED); do \
		echo "$$dir"; (cd $$dir && STRATA_REQUIRE_SERVERS=1 go test -count=1 ./...) || exit 1; \
	done
	.ci/fuzz $(FUZZTIME) $(FUZZED)

# The README's table of backends, from what the conformance suite runs. `make
# test` checks it.
table:
	.ci/servers
	@reports=$$(mktemp -d) && trap 'rm -rf "$$reports"' EXIT && \
	STRATA_REQUIRE_SERVERS=1 STRATA_CONFORMANCE=$$reports go test -run Conformance ./backends/... && \
	go run ./internal/conformance -reports $$reports -write README.md

# What must hold beside the tests.
check:
	go vet ./...
	go run $(STATICCHECK) ./...
	@out=$$(go run $(GOFUMPT) -l .); if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi
	go test -run Example ./...
	go test ./internal/archtest
	go mod tidy -diff
	go mod verify
	@for dir in $(NESTED); do \
		echo "$$dir"; (cd $$dir && go vet ./... && go mod tidy -diff) || exit 1; \
	done

# Figures with their floors beside them, in one run.
bench:
	STRATA_REQUIRE_SERVERS=1 go test -run '^$$' -bench . -benchmem ./...

# Each fuzz target for a while.
fuzz:
	.ci/fuzz $(FUZZTIME) ./...

# Each rule of the stamp protocol taken out, and after how many seeds of the
# simulation that is found.
mutants:
	go run ./internal/sim/mutants

# Which rows of the behaviour contract (LL-001 …) a test names.
contract:
	@grep -rhoE '\b(LL|CFG|DB|FS|HTTP|FRAG|INV|SESS|BUG)-[0-9]+' --include='*.go' . | sort -u | awk -F- '{n[$$1]++} END {for (a in n) print a, n[a]}' | sort
