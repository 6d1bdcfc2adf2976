package drivertest

import (
	"fmt"
	"strings"

	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// hostile are names that something on the way might change, cut, split, fold
// or take for its own. No two of them may meet.
func hostile() []string {
	return []string{
		"", " ", "  ", "a", "A", "a ", " a", "a\x00", "a\x00b", "\x00", "\r\n", "a\r\nset b 0 0 1\r\nx\r\n", "\n", "\t", "\x7f",
		"{", "}", "{}", "{a}", "{b}", "*", "?", "[a]", "%", "_", "%00", "%41", `\`, `\x41`, "'", `"`, "';--", "../a", "a/b", "a:b", "a#b", ":", "#", "1:a", ":1:a",
		"é", "e\u0301", "É", "ß", "ss", "İ", "ı", "\u00a0", "\u200b", "\ufeff", "日本語", "🙂", "\xff", "\xfe", "\xc3\x28", "\xed\xa0\x80",
		"0", "00", "1", "1.0", "1e0", "null", "nil", "true",
		strings.Repeat("k", 200), strings.Repeat("k", 247), strings.Repeat("k", 248), strings.Repeat("k", 249), strings.Repeat("k", 250), strings.Repeat("k", 251), strings.Repeat("k", 252),
		strings.Repeat("k", 100_000), strings.Repeat("k", 99_999) + "l", strings.Repeat("é", 124), strings.Repeat("\xff", 250),
	}
}

func keys() []rule {
	return []rule{
		{"LL-138 keys of any bytes round-trip and do not meet", nothing, func(w *world) {
			c := w.client(nil)
			names := hostile()
			for i, n := range names {
				w.write(c, n, fmt.Sprint("value ", i))
			}
			for i, n := range names {
				want := fmt.Sprint("value ", i)
				if got := w.look(c, n); got != want {
					w.fail("key %d, %.60q: got %s, want %s", i, n, got, want)
				}
			}
			got, err := c.GetMany(w.ctx, names...)
			w.must("GetMany", err)
			same(w, "keys of GetMany", len(got), len(names))
			for i, n := range names {
				if want := fmt.Sprint("value ", i); string(got[n]) != want {
					w.fail("GetMany of %.60q: got %s, want %s", n, got[n], want)
				}
			}
			removed, err := c.DeleteMany(w.ctx, names...)
			w.must("DeleteMany", err)
			same(w, "DeleteMany", removed, len(names))
		}},
		{"keys of a store are any bytes up to 250", nothing, func(w *world) {
			stored := make(map[string]string)
			for i, n := range hostile() {
				if len(n) > 240 {
					n = n[:240]
				}
				w.set(n, entry(fmt.Sprint(i)))
				stored[n] = fmt.Sprint(i)
			}
			for n, want := range stored {
				if got := w.read(n); got != want {
					w.fail("key %.60q: got %s, want %s", n, got, want)
				}
			}
			for b := range 256 {
				w.set("byte "+string([]byte{byte(b)}), entry(fmt.Sprint(b)))
			}
			for b := range 256 {
				same(w, fmt.Sprintf("key with the byte %#02x", b), w.read("byte "+string([]byte{byte(b)})), fmt.Sprint(b))
			}
		}},
		{"LL-010 keys and values outside of ASCII work in every way", nothing, func(w *world) {
			c := w.client(nil)
			w.write(c, "ключ", "значение")
			_, err := c.Add(w.ctx, "鍵", []byte("値"))
			w.must("Add", err)
			w.must("SetMany", c.SetMany(w.ctx, map[string][]byte{"κλειδί": []byte("τιμή")}))
			same(w, "set", w.look(c, "ключ"), "значение")
			same(w, "add", w.look(c, "鍵"), "値")
			same(w, "set many", w.look(c, "κλειδί"), "τιμή")
		}},
		{"LL-127 no two triples of prefix, version and key meet", nothing, func(w *world) {
			c := w.client(nil)
			parts := []string{"a", "a:1", "a:1:b", "1", "a/b", "a#", "%61", "a ", "A", "é", "\x00", strings.Repeat("p", 300), strings.Repeat("p", 301)}
			names := []string{"", "b", "1:b", ":b", "#b", "/b", strings.Repeat("n", 300)}
			type triple struct {
				view cache.Cache
				name string
			}
			var all []triple
			for _, version := range []int{-1, 1, 11} {
				for _, n := range names {
					all = append(all, triple{c.WithVersion(version), n})
				}
				for _, p := range parts {
					for _, n := range names {
						all = append(all, triple{c.WithPrefix(p).WithVersion(version), n})
					}
				}
			}
			all = append(all,
				triple{c.WithPrefix("a").WithPrefix("b"), "n"}, triple{c.WithPrefix("a/b"), "n"}, triple{c.WithPrefix("ab"), "n"},
				triple{c.WithPrefix("b").WithPrefix("a"), "n"}, triple{c.WithPrefix("a"), "b/n"}, triple{c, "a/b:n"})
			for i, x := range all {
				w.write(x.view, x.name, fmt.Sprint(i))
			}
			for i, x := range all {
				same(w, fmt.Sprintf("triple %d", i), w.look(x.view, x.name), fmt.Sprint(i))
			}
		}},
		{"LL-129 prefixes are apart for reads and writes, and share tags", nothing, func(w *world) {
			c := w.client(nil)
			a, b := c.WithPrefix("a"), c.WithPrefix("b")
			load := func(v cache.Cache) {
				_, err := v.GetOrSet(w.ctx, "k", new(loads).of("v"), cache.Tags("t"))
				w.must("GetOrSet", err)
			}
			load(a)
			same(w, "Get in the other", w.look(b, "k"), nowhere)
			load(b)
			w.must("Invalidate", a.Invalidate(w.ctx, "t"))
			same(w, "Get after the tag was invalidated", w.look(a, "k"), nowhere)
			same(w, "Get in the other after it", w.look(b, "k"), nowhere)
			same(w, "Get of a client with the prefix", w.look(w.client(&cache.Options{Prefix: "a"}), "k"), nowhere)
			w.write(a, "k", "v")
			same(w, "Get of a client with the prefix", w.look(w.client(&cache.Options{Prefix: "a"}), "k"), "v")
		}},
		{"LL-132 a key longer than Options.MaxKey bytes is hashed, in bytes", nothing, func(w *world) {
			spy := &spy{Store: w.store}
			c := w.clientOf(spy, nil)
			for _, x := range []struct {
				name   string
				hashed bool
			}{
				{strings.Repeat("k", 247), false}, // with ":1:" 250 bytes
				{strings.Repeat("k", 248), true},
				{strings.Repeat("é", 124), true}, // LL-135: 248 bytes, 124 characters
			} {
				w.write(c, x.name, "v")
				same(w, fmt.Sprintf("a key of %d bytes is hashed", len(x.name)), spy.key.Len() < len(x.name), x.hashed)
				same(w, "its length is within 250", spy.key.Len() <= 250, true)
				same(w, "Get", w.look(c, x.name), "v")
			}
		}},
		{"LL-134 a key that ValidateKey refuses is ErrKey everywhere", nothing, func(w *world) {
			c := w.client(&cache.Options{ValidateKey: cache.PortableKeys})
			for _, bad := range []string{"", "a b", "a\r\nb", "a\x7f", strings.Repeat("k", 201)} {
				_, err := c.Get(w.ctx, bad)
				w.is("Get", err, cache.ErrKey)
				w.is("Set", c.Set(w.ctx, bad, nil), cache.ErrKey)
				_, err = c.Add(w.ctx, bad, nil)
				w.is("Add", err, cache.ErrKey)
				_, err = c.Touch(w.ctx, bad)
				w.is("Touch", err, cache.ErrKey)
				_, err = c.Delete(w.ctx, bad)
				w.is("Delete", err, cache.ErrKey)
				_, err = c.Incr(w.ctx, bad, 1)
				w.is("Incr", err, cache.ErrKey)
				_, err = c.Has(w.ctx, bad)
				w.is("Has", err, cache.ErrKey)
				_, err = c.GetMany(w.ctx, "ok", bad)
				w.is("GetMany", err, cache.ErrKey)
				w.is("SetMany", c.SetMany(w.ctx, map[string][]byte{"ok": nil, bad: nil}), cache.ErrKey)
				_, err = c.DeleteMany(w.ctx, "ok", bad)
				w.is("DeleteMany", err, cache.ErrKey)
				_, err = c.GetOrSet(w.ctx, bad, new(loads).of("v"))
				w.is("GetOrSet", err, cache.ErrKey)
				_, err = c.IncrVersion(w.ctx, bad, 1)
				w.is("IncrVersion", err, cache.ErrKey)
			}
			same(w, "Get of a good one of a refused batch (LL-106)", w.look(c, "ok"), nowhere)
			w.write(c, "k\u00a0", "v") // LL-136
			same(w, "Get", w.look(c, "k\u00a0"), "v")
		}},
		{"tags of any bytes do not meet", nothing, func(w *world) {
			var tags []string
			for _, n := range hostile() {
				if n != "" && n[0] != 0 && len(n) <= 200 {
					tags = append(tags, n)
				}
			}
			for i, t := range tags {
				w.set(fmt.Sprint("entry ", i), entry("v", t, "t:"+t))
			}
			w.set("untagged", entry("v"))
			for i, t := range tags {
				same(w, fmt.Sprintf("Get before its tag %q is invalidated", t), w.read(fmt.Sprint("entry ", i)), "v")
				w.invalidate(t)
				same(w, fmt.Sprintf("Get after its tag %q was invalidated", t), w.read(fmt.Sprint("entry ", i)), nowhere)
			}
			same(w, "Get of the untagged one", w.read("untagged"), "v")
		}},
		{"a key is not a tag, and neither is anything of the store's own", nothing, func(w *world) {
			for _, k := range []string{"t", "meta", "m", "s", "e", "n", "epoch", driver.TagAll} {
				w.set(k, entry("v"))
				w.invalidate("t", "meta", "m", "s", "e", "n", "epoch", "*")
				same(w, "Get of "+k, w.read(k), "v")
			}
			before := w.clock()
			w.set("e", entry("x"))
			same(w, "epoch", w.clock().Epoch, before.Epoch)
		}},
		{"an unusable tag is ErrKey", nothing, func(w *world) {
			c := w.client(nil)
			for _, bad := range []string{"", "\x00", "\x00a", strings.Repeat("t", 201)} {
				w.is("Invalidate", c.Invalidate(w.ctx, "good", bad), cache.ErrKey)
				_, err := c.GetOrSet(w.ctx, "k", new(loads).of("v"), cache.Tags(bad))
				w.is("GetOrSet", err, cache.ErrKey)
			}
		}},
	}
}
