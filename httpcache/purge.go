package httpcache

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Tags that this package makes: each is a hash of framed parts, so that no name
// is too long and none meets an application's tag.
const (
	tagTarget = "target" // of a URL that a handler around us changed
	tagPrefix = "prefix"
	tagGroup  = "group"
)

func tagOf(kind string, parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = appendFrame(b, p)
	}
	sum := sha256.Sum256(b)
	return "httpcache/" + kind + "/" + base64.RawURLEncoding.EncodeToString(sum[:18])
}

// targetTag is the tag of the pages of a URL that a handler around us changed, by
// what the client sent.
func (c *Cache) targetTag(host, sent string) string {
	return tagOf(tagTarget, strings.ToLower(host), c.filterTarget(sent))
}

// GroupTag is the tag of the responses of an origin, such as
// https://shop.example, that are in a group (RFC 9875): [cache.Cache.Invalidate]
// of it drops them.
func GroupTag(origin, group string) string {
	return tagOf(tagGroup, strings.ToLower(strings.TrimSuffix(origin, "/")), group)
}

func originOf(r *http.Request) string { return schemeOf(r) + "://" + r.Host }

// tagsOf are the tags that a response to r gets for its header and its URL.
func (c *Cache) tagsOf(r *http.Request, h http.Header) (tags []string) {
	for _, name := range c.tagHeaders {
		tags = append(tags, tokensOf(h[name])...)
	}
	for _, group := range groupsOf(h["Cache-Groups"]) {
		tags = append(tags, GroupTag(originOf(r), group))
	}
	path, host := r.URL.EscapedPath(), strings.ToLower(r.Host)
	sent := sentTarget(r.RequestURI)
	if !sameTarget(sent, path, r.URL.RawQuery) {
		tags = append(tags, c.targetTag(r.Host, sent))
		path, _, _ = strings.Cut(sent, "?")
	}
	if c.purgeDepth > 0 {
		at := 0
		for range c.purgeDepth + 1 {
			tags = append(tags, tagOf(tagPrefix, host, path[:at]))
			next := strings.IndexByte(path[min(at+1, len(path)):], '/')
			if next < 0 {
				if at < len(path) {
					tags = append(tags, tagOf(tagPrefix, host, path))
				}
				break
			}
			at += 1 + next
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// drop removes the pages of a request's URL, all variants, those of the URLs and
// groups that its answer names, and what handlers running now would store as one
// of them: RFC 9111 section 4.4, RFC 9875 section 3. kept leaves the URL's own
// record, which is new.
func (c *Cache) drop(r *http.Request, answer http.Header, kept bool) {
	ctx, end := c.patience(context.WithoutCancel(r.Context()))
	defer end()
	own := c.keyOf(r)
	keys := []string{own}
	sent := sentTarget(r.RequestURI)
	changed := !sameTarget(sent, r.URL.EscapedPath(), r.URL.RawQuery)
	var tags []string
	if changed {
		tags = append(tags, c.targetTag(r.Host, sent))
	}
	for _, name := range [...]string{"Location", "Content-Location"} {
		u := related(r, sent, answer[name])
		if u == nil {
			continue
		}
		path := u.EscapedPath()
		keys = append(keys, c.urlKey(schemeOf(r), r.Host, path, u.RawQuery, ""))
		if changed {
			tags = append(tags, c.targetTag(r.Host, u.RequestURI()))
		}
	}
	for _, group := range groupsOf(answer["Cache-Group-Invalidation"]) {
		tags = append(tags, GroupTag(originOf(r), group))
	}
	// An outage is for the hooks of the cache.Cache to tell: the client's own
	// request went well.
	if kept {
		keys = slices.DeleteFunc(keys, func(key string) bool { return key == own })
	}
	if len(keys) > 0 {
		_, _ = c.raw.DeleteMany(ctx, keys...)
	}
	if len(tags) > 0 {
		_ = c.all.Invalidate(ctx, tags...)
	}
}

// related is the URL that an answer to r names, if it is of the same origin.
func related(r *http.Request, sent string, lines []string) *url.URL {
	if len(lines) != 1 {
		return nil
	}
	base, err := url.Parse(originOf(r) + sent)
	if err != nil {
		return nil
	}
	u, err := base.Parse(lines[0])
	if err != nil || !strings.EqualFold(u.Scheme, base.Scheme) || !strings.EqualFold(u.Host, base.Host) || u.Opaque != "" {
		return nil
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u
}

// Purge drops the pages of a URL: all variants, under http and https. A handler
// that is making one now does not store it.
func (c *Cache) Purge(ctx context.Context, rawURL string) error {
	u, err := purgeURL(rawURL)
	if err != nil {
		return err
	}
	if _, err := c.raw.DeleteMany(ctx, c.keysOf(u)...); err != nil {
		return fmt.Errorf("httpcache: purge: %w", err)
	}
	return c.invalidate(ctx, c.targetTag(u.Host, u.RequestURI()))
}

// PurgePrefix drops the pages of all URLs whose path begins with that of rawURL,
// segment by segment: /a drops /a, /a/ and /a/b, and not /ab. The path may have
// [Options].PurgeDepth segments, and none is the whole host; the query is
// ignored.
func (c *Cache) PurgePrefix(ctx context.Context, rawURL string) error {
	tag, err := c.prefixTag(rawURL)
	if err != nil {
		return err
	}
	return c.invalidate(ctx, tag)
}

// prefixTag is the tag of the pages of all URLs below one.
func (c *Cache) prefixTag(rawURL string) (string, error) {
	u, err := purgeURL(rawURL)
	if err != nil {
		return "", err
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	if c.purgeDepth == 0 || strings.Count(path, "/") > c.purgeDepth {
		return "", fmt.Errorf("httpcache: purge: %q is deeper than Options.PurgeDepth, %d", rawURL, c.purgeDepth)
	}
	return tagOf(tagPrefix, strings.ToLower(u.Host), path), nil
}

// PurgeGroup drops the pages of an origin that are in a group (RFC 9875).
func (c *Cache) PurgeGroup(ctx context.Context, origin, group string) error {
	return c.invalidate(ctx, GroupTag(origin, group))
}

// PurgeTag drops the pages that have a tag, and whatever else in the cache has it.
func (c *Cache) PurgeTag(ctx context.Context, tag string) error { return c.invalidate(ctx, tag) }

func (c *Cache) invalidate(ctx context.Context, tags ...string) error {
	if err := c.all.Invalidate(ctx, tags...); err != nil {
		return fmt.Errorf("httpcache: purge: %w", err)
	}
	return nil
}

// keysOf are the keys under which a URL may be stored.
func (c *Cache) keysOf(u *url.URL) []string {
	path, query := u.EscapedPath(), u.RawQuery
	return []string{c.urlKey("http", u.Host, path, query, ""), c.urlKey("https", u.Host, path, query, "")}
}

func purgeURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("httpcache: purge: %q is no URL with scheme and host", raw)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}
