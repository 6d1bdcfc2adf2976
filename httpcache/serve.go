package httpcache

import (
	"bytes"
	"net/http"
	"slices"
	"time"

	"github.com/stratacache/strata/cache"
)

// miss is the way of a request for which no usable page is stored: run the
// handler for all who want the page, or wait for the one who does. can tells
// what p, if it is there, is good for.
func (h *handler) miss(w http.ResponseWriter, r *http.Request, at *place, d *demands, p *page, can use) {
	c := h.view.cache
	f := forwarded{fwd: at.miss()}
	if p != nil && f.fwd != fwdStale && f.fwd != fwdPartial {
		switch {
		case d.credentials && !p.has(flagShared):
			f = forwarded{fwd: fwdBypass, detail: whyAuthorization}
		case p.has(flagValidate):
			f.fwd = fwdStale // as good as
		default:
			f.fwd = fwdRequest // it is there, and the request does not want it
		}
	}
	_, ranged := r.Header["Range"]
	switch {
	case d.noStore, d.credentials && p != nil && !p.has(flagShared), preconditioned(r.Header):
		h.pass(w, r, f)
		return
	case d.reload, d.credentials, f.fwd == fwdRequest, r.Method == http.MethodHead, ranged, cache.AccessOf(r.Context()) != cache.ReadWrite:
		// It wants what the others do not, or may get what they may not, or is in a
		// transaction.
		h.alone(w, r, at, d, f, nil)
		return
	}

	until := time.Now().Add(c.collapse)
	patience := time.NewTimer(c.collapse)
	defer patience.Stop()
	for {
		flight, leads := c.flights.join(at.page())
		if flight == nil {
			break
		}
		if leads {
			switch c.leaseFor(flight, r, until) {
			case leaseHeld:
				h.alone(w, r, at, d, f, flight)
				return
			case leaseFailed:
				c.flights.land(flight)
				h.pass(w, r, f)
				return
			}
		} else {
			select {
			case <-flight.done:
			case <-patience.C:
				h.alone(w, r, at, d, f, nil)
				return
			case <-r.Context().Done():
				// The handler is told, and does what it does without us.
				h.pass(w, r, f)
				return
			}
		}
		now := time.Now()
		ctx, end := c.patience(r.Context())
		p, err := c.find(ctx, at, r, now)
		end()
		usable := err == nil && (d.use(p, r, now) >= useWhile || d.survives(p, r, flight.failure, now))
		if leads && !usable && err == nil && at.page() == flight.key {
			h.alone(w, r, at, d, f, flight) // the other process's response was nobody else's
			return
		}
		if leads {
			c.flights.land(flight)
		}
		switch {
		case err != nil:
			h.pass(w, r, f)
			return
		case usable:
			f.collapsed = true
			c.serve(w, r, p, now, &f)
			return
		}
		if flight.failure != noFailure {
			break // all who waited try for themselves
		}
	}
	h.alone(w, r, at, d, f, nil)
}

// alone runs the handler and stores what it makes, for those who wait in
// flight, if any, too. However the handler ends, nobody is left waiting.
func (h *handler) alone(w http.ResponseWriter, r *http.Request, at *place, d *demands, f forwarded, flight *flight) {
	c := h.view.cache
	defer c.flights.land(flight)
	ctx, end := c.patience(r.Context())
	p, err := c.aim(ctx, at, r)
	end()
	if err != nil {
		c.flights.land(flight) // nothing will be stored: nobody need wait
		f.detail = "store"
		h.pass(w, r, f)
		return
	}
	now := time.Now()
	can := d.use(p, r, now)
	if can == useNow {
		// Somebody stored it since we looked.
		c.flights.land(flight)
		c.serve(w, r, p, now, nil)
		return
	}
	x := &exchange{cache: c, r: r, at: *at, flight: flight, status: f, view: h.view, demands: *d}
	if can != useNot {
		x.old = p
	}
	if h.view.opts.Tags != nil {
		x.tags = slices.Clone(h.view.opts.Tags(r)) // AddTags appends to it
	}
	x.run(w, h.next)
}

// serve answers from a page. made is how it came there, or nil for a plain hit.
func (c *Cache) serve(w http.ResponseWriter, r *http.Request, p *page, now time.Time, made *forwarded) {
	age := p.currentAge(now)
	text := p.said.hit(c.name, p.lifetime-age, age)
	member := text.member
	if made != nil {
		member = made.text(c.name)
	}

	// One copy for all fields: what a handler around us does to them does not
	// reach the page.
	as := shape{p.fields, p.values, p.length}
	zipped := p.has(flagZipped) && !wantsPlain(r)
	if zipped {
		as = *p.zipped
	}
	values := make([]string, len(as.values)+3)
	n := copy(values, as.values)
	values[n], values[n+1], values[n+2] = as.length, text.ageValue, member
	header := w.Header()
	for _, f := range as.fields {
		header[f.name] = values[f.from:f.to:f.to]
	}
	header["Age"] = values[n+1 : n+2 : n+2]
	if inner := header["Cache-Status"]; len(inner) > 0 {
		header["Cache-Status"] = append(inner, member)
	} else {
		header["Cache-Status"] = values[n+2 : n+3 : n+3]
	}

	switch {
	case p.kind == part:
		p.servePart(w, r)
		return
	case p.has(flagZipped) && !zipped:
		c.serveInflated(w, r, p)
		return
	case p.status == http.StatusOK && len(r.Header) > 0 && conditional(r.Header):
		if unmodifiedSince(r, header) {
			writeNotModified(w)
			return
		}
		if p.kind == whole {
			if _, typed := header["Content-Type"]; !typed {
				header["Content-Type"] = nil // and not what its coding looks like
			}
			if zipped {
				header["Content-Length"] = values[n : n+1 : n+1]
			}
			http.ServeContent(w, r, "", p.modified, bytes.NewReader(p.body))
			return
		}
	}
	if as.length != "" && p.status != http.StatusNoContent {
		header["Content-Length"] = values[n : n+1 : n+1]
	}
	w.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.body) // the client may have gone
	}
}

// servePart answers a request for one range from a part that covers it.
func (p *page) servePart(w http.ResponseWriter, r *http.Request) {
	from, to, ok := p.covers(r)
	if !ok {
		from, to = 0, int64(len(p.body)) // as it was stored
	}
	header := w.Header()
	header["Content-Range"] = []string{p.rangeText(from, to)}
	header.Set("Content-Length", itoa(to-from))
	w.WriteHeader(http.StatusPartialContent)
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.body[from:to])
	}
}
