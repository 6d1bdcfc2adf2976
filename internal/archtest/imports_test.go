package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"strings"
	"testing"
)

const module = "github.com/stratacache/strata"

// rules say what the non-test files of a package may import of this module, and
// of others. The first rule whose pattern matches a package holds. Patterns are
// those of path.Match, on the path below the module.
var rules = []struct {
	pkg    string
	own    []string // below the module; a trailing /* allows one level
	others []string // module paths; nil: the standard library only
	why    string
}{
	{"cache/driver", nil, nil, "driver knows nothing"},
	{"cache/driver/storeurl", nil, nil, "it knows URLs alone"},
	{"cache/driver/*", []string{"cache/driver"}, nil, "what serves backends knows the driver alone"},
	{"cache", []string{"cache/driver", "cache/driver/storeurl"}, nil, "an application that imports cache downloads no backend"},
	{"cache/drivertest", []string{"cache", "cache/driver", "cache/driver/*"}, []string{"pgregory.net/rapid"}, "the suite knows no backend"},
	{"backends/locmem", []string{"cache", "cache/driver", "cache/driver/*"}, []string{"github.com/maypok86/otter/v2"}, "a backend knows the driver, and cache only to register its scheme"},
	{"backends/redisstore", []string{"cache", "cache/driver", "cache/driver/*"}, []string{"github.com/redis/go-redis/v9"}, "as locmem"},
	{"backends/memcachedstore", []string{"cache", "cache/driver", "cache/driver/*", "internal/gather"}, []string{"github.com/bradfitz/gomemcache/", "github.com/cespare/xxhash/v2"}, "as locmem"},
	{"backends/sqlstore", []string{"cache", "cache/driver", "cache/driver/*", "internal/gather"}, nil, "the drivers are the application's to import"},
	{"backends/ristrettostore", []string{"cache", "cache/driver", "cache/driver/*"}, []string{"github.com/dgraph-io/ristretto/v2"}, "as locmem"},
	{"backends/filestore", []string{"cache", "cache/driver", "cache/driver/*"}, nil, "as locmem"},
	{"backends/dummy", []string{"cache", "cache/driver", "cache/driver/*"}, nil, "as locmem"},
	{"backends/compress", []string{"cache/driver", "cache/driver/*"}, []string{"github.com/klauspost/compress"}, "a wrapper knows the driver alone"},
	{"backends/encrypt", []string{"cache/driver", "cache/driver/*"}, []string{"golang.org/x/crypto"}, "a wrapper knows the driver alone"},
	{"backends/breaker", []string{"cache", "cache/driver", "cache/driver/*"}, []string{"github.com/sony/gobreaker/v2"}, "a wrapper knows the driver, and cache only to register its parameters"},
	{"backends/shard", []string{"cache/driver", "cache/driver/*"}, []string{"github.com/cespare/xxhash/v2"}, "a wrapper knows the driver alone"},
	{"backends/*", []string{"cache", "cache/driver", "cache/driver/*"}, []string{""}, "a backend knows no other"},
	{"httpcache", []string{"cache"}, nil, "the layers above know cache, never each other, never a backend"},
	{"httpcache/*", []string{"cache"}, nil, "as httpcache"},
	{"fragment", []string{"cache"}, nil, "as httpcache"},
	{"invalidate", []string{"cache"}, nil, "as httpcache"},
	{"invalidate/outbox", []string{"cache", "invalidate"}, nil, "the outbox knows the transactions, and no driver"},
	{"invalidate/outbox/pgnotify", nil, []string{"github.com/jackc/pgx/v5"}, "who does not listen on PostgreSQL downloads nothing"},
	{"examples/*", []string{"cache", "backends/*", "httpcache", "fragment", "invalidate", "invalidate/*"}, []string{""}, "an example uses what a user can use"},
	{"internal/gather", []string{"cache/driver"}, nil, "it knows the driver alone"},
	{"internal/turns", nil, nil, "it measures what it is given"},
	{"internal/sim/mutants", nil, nil, "it runs the simulation as a program"},
	{"internal/*", []string{"cache", "cache/driver", "cache/driver/*", "cache/drivertest", "backends/*", "internal/servertest"}, []string{""}, "internal serves, it does not steer"},
}

type listed struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func TestImportDirections(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		judge(t, p)
	}
}

func judge(t *testing.T, p listed) {
	t.Helper()
	name := strings.TrimPrefix(p.ImportPath, module+"/")
	for _, r := range rules {
		if ok, _ := path.Match(r.pkg, name); !ok {
			continue
		}
		for _, imp := range p.Imports {
			if own, found := strings.CutPrefix(imp, module+"/"); found {
				if !allowed(own, r.own) {
					t.Errorf("%s imports %s: %s", name, own, r.why)
				}
			} else if strings.Contains(strings.Split(imp, "/")[0], ".") && !prefixed(imp, r.others) {
				t.Errorf("%s imports %s: %s", name, imp, r.why)
			} else if imp == "os/signal" && !strings.HasPrefix(name, "examples/") {
				t.Errorf("%s imports os/signal: signals are the program's", name)
			} else if imp == "testing" && !strings.HasPrefix(name, "internal/") && name != "cache/drivertest" {
				t.Errorf("%s imports testing, which would reach users' binaries", name)
			}
		}
		return
	}
	t.Errorf("no rule for package %s: add one that says what it may know", name)
}

func allowed(pkg string, patterns []string) bool {
	for _, p := range patterns {
		if ok, _ := path.Match(p, pkg); ok {
			return true
		}
	}
	return false
}

func prefixed(imp string, modules []string) bool {
	for _, m := range modules {
		if strings.HasPrefix(imp, m) {
			return true
		}
	}
	return false
}
