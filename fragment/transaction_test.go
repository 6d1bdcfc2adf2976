package fragment_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/fragment"
)

type txKey struct{}

// seen is data that says in which transaction it was asked.
type seen struct{ calls int }

func (s *seen) Note(ctx context.Context) string {
	s.calls++
	return fmt.Sprintf("%v%d", ctx.Value(txKey{}), s.calls)
}

// In a transaction, of which package invalidate tells the cache by the context,
// fragments of both forms, and components, show what it wrote, keep none of it,
// and leave those of others alone. INV-035, INV-051.
func TestFragmentsInATransaction(t *testing.T) {
	t.Parallel()
	p := parsePage(t, `{{if cache "a" "5m"}}[{{.Note context}}{{cache "b" . "5m"}}]{{end}}{{define "b"}}({{.Note context}}){{end}}`, nil)
	d := &seen{}
	access := cache.ReadOnly
	in := cache.WithAccess(context.WithValue(t.Context(), txKey{}, "tx"), func() cache.Access { return access })
	show := func(ctx context.Context, want string) {
		t.Helper()
		var b bytes.Buffer
		if err := p.Execute(ctx, &b, "page", d); err != nil || b.String() != want {
			t.Errorf("got %s, %v, want %s", &b, err, want)
		}
	}
	show(in, "[tx1(tx2)]")
	show(t.Context(), "[&lt;nil&gt;3(&lt;nil&gt;4)]")
	show(in, "[&lt;nil&gt;3(&lt;nil&gt;4)]")
	access = cache.NoAccess
	show(in, "[tx5(tx6)]")
	show(in, "[tx7(tx8)]")
	show(t.Context(), "[&lt;nil&gt;3(&lt;nil&gt;4)]")

	parts, err := fragment.NewComponents(p.client, nil)
	if err != nil {
		t.Fatal(err)
	}
	inner := &part{name: "x"}
	for range 2 {
		var b bytes.Buffer
		if err := parts.Cached("x", cache.Forever, inner).Render(in, &b); err != nil {
			t.Error(err)
		}
	}
	if inner.calls != 2 {
		t.Errorf("a component was rendered %d times, want 2", inner.calls)
	}
}
