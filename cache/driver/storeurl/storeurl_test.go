package storeurl_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stratacache/strata/cache/driver/storeurl"
)

func parse(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// CFG-036, CFG-041: hosts are separated by commas.
func TestHosts(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][]string{
		"x://":            nil,
		"x:///run/x.sock": nil,
		"x://a":           {"a:7"},
		"x://a:1":         {"a:1"},
		"x://a:1,b,c:3/0": {"a:1", "b:7", "c:3"},
		"x://u:p@a,b:2":   {"a:7", "b:2"},
		"x://[::1]":       {"[::1]:7"},
	} {
		got, err := storeurl.Hosts(parse(t, raw), "7")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v, want %q", raw, got, err, want)
		}
	}
	for _, raw := range []string{"x://,a:1", "x://a:1,:2", "x://a:70000", "x://a:b:1"} {
		u := &url.URL{Scheme: "x", Host: strings.TrimPrefix(raw, "x://")}
		if got, err := storeurl.Hosts(u, "7"); err == nil {
			t.Errorf("%s: got %q, want an error", raw, got)
		}
	}
}

// CFG-045, CFG-047: literals, case, repetition, empty values.
func TestParams(t *testing.T) {
	t.Parallel()
	p := storeurl.ParamsOf(parse(t, "x://?A=1&a=2&EMPTY=&n=60&t=true&f=0&d=1.5&g=2m&word=b"))
	check := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	check("the lower-case spelling", p.Int("a", 0, 0), int64(2))
	check("an empty value", p.String("empty", "def"), "def")
	check("none", p.Int("none", 5, 0), int64(5))
	check("a number", p.Int("n", 0, 0), int64(60))
	check("true", p.Bool("t", false), true)
	check("0", p.Bool("f", true), false)
	check("seconds", p.Duration("d", 0), 1500*time.Millisecond)
	check("Go's form", p.Duration("g", 0), 2*time.Minute)
	check("one of", p.OneOf("word", "a", "b"), "b")
	if err := p.Err(); err != nil {
		t.Error(err)
	}
	if got := storeurl.ParamsOf(parse(t, "x://?a=1&a=2")).Int("a", 0, 0); got != 1 {
		t.Errorf("repeated: got %d, want the first", got)
	}
}

func TestParamsRefuse(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"n=x", "n=-1", "n=1.5", "n=99999999999999999999", "b=yes", "d=-1", "d=0", "d=soon", "d=1e300", "w=c", "other=1", "%zz=1", "secret%2Fsecret=1",
	} {
		p := storeurl.ParamsOf(parse(t, "x://?"+query))
		p.Int("n", 0, 0)
		p.Bool("b", false)
		p.Duration("d", 0)
		p.OneOf("w", "a", "b")
		err := p.Err()
		name, _, _ := strings.Cut(query, "=")
		if err == nil || len(name) < 6 && !strings.HasPrefix(name, "%") && !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want an error that names it", query, err)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"x:opaque", "x://u:p@q@h", "x://u:p#@h", "x://h/p@h", "x://h?p@h"} {
		u, err := url.Parse(raw)
		if err != nil {
			continue // refused earlier
		}
		if storeurl.Check(u) == nil && !strings.Contains(raw, "q@h") {
			t.Errorf("%s: got no error", raw)
		}
	}
	if err := storeurl.Check(parse(t, "x://u:p%40q@h:1,h:2/path?a=1")); err != nil {
		t.Error(err)
	}
}

func FuzzHosts(f *testing.F) {
	f.Add("a:1,b")
	f.Fuzz(func(t *testing.T, host string) {
		hosts, err := storeurl.Hosts(&url.URL{Host: host}, "7")
		if err == nil && host != "" && len(hosts) != strings.Count(host, ",")+1 {
			t.Errorf("%q: got %d hosts", host, len(hosts))
		}
	})
}

func ExampleParams() {
	u, _ := url.Parse("shop://host?max_entries=1000&colour=red")
	p := storeurl.ParamsOf(u)
	fmt.Println(p.Int("max_entries", 100, 1), p.Duration("timeout", time.Second))
	fmt.Println(p.Err())
	// Output:
	// 1000 1s
	// unknown parameter "colour": known are max_entries, timeout
}

func TestOnly(t *testing.T) {
	t.Parallel()
	p := storeurl.ParamsOf(parse(t, "x://?A=1&b=2&c="))
	some := p.Only("a", "c", "d")
	if some.Len() != 1 || some.Int("a", 0, 0) != 1 || some.Err() != nil {
		t.Errorf("got %d of them, %v; want a alone", some.Len(), some.Err())
	}
	if p.Len() != 3 {
		t.Errorf("all: got %d, want 3", p.Len())
	}
}
