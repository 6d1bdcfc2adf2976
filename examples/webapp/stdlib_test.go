package main

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func openStdlib(t *testing.T) *Stdlib {
	t.Helper()
	std, err := OpenStdlib(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return std
}

func TestPaths(t *testing.T) {
	t.Parallel()
	std := openStdlib(t)
	for _, path := range []string{"fmt", "net/http", "encoding/json", "unsafe", "builtin", "math/rand/v2"} {
		if !std.Has(path) {
			t.Errorf("%s is not in the list", path)
		}
	}
	for _, path := range []string{"", ".", "..", "cmd", "cmd/go", "internal/abi", "net/http/internal", "vendor", "fmt/", "../src/fmt", "net/http/testdata"} {
		if std.Has(path) {
			t.Errorf("%q is in the list", path)
		}
	}
	if !slices.IsSorted(std.Paths()) || !strings.HasPrefix(std.Version(), "go1.") {
		t.Errorf("got version %q, sorted %v", std.Version(), slices.IsSorted(std.Paths()))
	}
	if _, err := std.Parse(t.Context(), "internal/abi"); !errors.Is(err, errNoPackage) {
		t.Errorf("Parse of what is not in the list: got %v", err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	pkg, err := openStdlib(t).Parse(t.Context(), "bufio")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(pkg.Types, func(t Type) bool { return t.Name == "ReadWriter" })
	if i < 0 {
		t.Fatal("bufio has no ReadWriter")
	}
	rw := pkg.Types[i]
	if got := string(rw.Decl); !strings.Contains(got, `*<a href="#Reader">Reader</a>`) || !strings.Contains(got, "<b>struct</b>") {
		t.Errorf("declaration: got %s, want links to the embedded types", got)
	}
	if len(rw.Funcs) != 1 || rw.Funcs[0].Signature != "func NewReadWriter(r *Reader, w *Writer) *ReadWriter" {
		t.Errorf("functions: got %v", rw.Funcs)
	}
	if got := string(pkg.Vars[0].Decl); !strings.Contains(got, `<span id="ErrInvalidUnreadByte">`) || !strings.Contains(got, `href="/pkg/errors#New"`) {
		t.Errorf("variables: got %s, want anchors and links", got)
	}
	i = slices.IndexFunc(pkg.Types, func(t Type) bool { return t.Name == "Scanner" })
	if e := pkg.Types[i].Examples; len(e) == 0 || e[0].Output == "" && e[1].Output == "" || strings.Contains(string(e[0].Code), "Output:") {
		t.Errorf("examples of Scanner: got %v", e)
	}
}

var scripts = regexp.MustCompile(`(?i)<script|<iframe|href="javascript:`)

// Every package of this machine has a page.
func TestEveryPackage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("NOT RUN: parsing the whole standard library takes long; leave out -short to run it")
	}
	std := openStdlib(t)
	list, err := std.List(t.Context())
	if err != nil || len(list) != len(std.Paths()) {
		t.Fatalf("got %d packages, %v", len(list), err)
	}
	for _, e := range list {
		pkg, err := std.Parse(t.Context(), e.Path)
		if err != nil {
			t.Errorf("%s: %v", e.Path, err)
			continue
		}
		if pkg.Path != e.Path || pkg.Doc == "" {
			t.Errorf("%s: got path %q, %d bytes of documentation", e.Path, pkg.Path, len(pkg.Doc))
		}
		var b strings.Builder
		if err := docTemplate.ExecuteTemplate(&b, "doc", pkg); err != nil || scripts.MatchString(b.String()) {
			t.Errorf("%s: %v, or a script in the page", e.Path, err)
		}
	}
}
