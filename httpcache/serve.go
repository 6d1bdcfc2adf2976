package httpcache

import (
	"bytes"
	"net/http"
	"slices"
	"time"
)

// miss is the way of a request for which no usable page is stored: run the
// handler for all who want the page, or wait for the one who does.
func (h *handler) miss(w http.ResponseWriter, r *http.Request, at *place, d *demands, old *page) {
	c := h.view.cache
	f := forwarded{fwd: at.miss()}
	if old != nil && f.fwd != fwdStale {
		f.fwd = fwdRequest // it is there, and the request does not want it
		if d.credentials && !old.shared {
			f = forwarded{fwd: fwdBypass, detail: whyAuthorization}
		}
	}
	switch {
	case r.Method == http.MethodHead, d.noStore, d.credentials && old != nil && !old.shared, wantsPart(r.Header):
		h.pass(w, r, f)
		return
	case d.reload, d.credentials, f.fwd == fwdRequest:
		// It wants what the others do not, or may get what they may not.
		h.alone(w, r, at, d, f, nil)
		return
	}

	patience := time.NewTimer(c.collapse)
	defer patience.Stop()
	for {
		flight, leads := c.flights.join(at.page())
		if leads {
			h.alone(w, r, at, d, f, flight)
			return
		}
		if flight == nil {
			break
		}
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
		now := time.Now()
		ctx, end := c.patience(r.Context())
		p, err := c.find(ctx, at, r, now)
		end()
		if err != nil {
			h.pass(w, r, f)
			return
		}
		if d.accepts(p, now) {
			f.collapsed = true
			c.serve(w, r, p, now, &f)
			return
		}
	}
	h.alone(w, r, at, d, f, nil)
}

// wantsPart reports conditions that are the handler's to judge on a miss: a
// part of the page, or a state that it must be in.
func wantsPart(h http.Header) bool {
	for _, name := range conditions[2:] {
		if _, ok := h[name]; ok {
			return true
		}
	}
	return false
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
	if now := time.Now(); !d.reload && d.accepts(p, now) {
		// Somebody stored it since we looked.
		c.flights.land(flight)
		c.serve(w, r, p, now, nil)
		return
	}
	x := &exchange{cache: c, r: r, at: *at, flight: flight, status: f, view: h.view}
	if h.view.opts.Tags != nil {
		x.tags = slices.Clone(h.view.opts.Tags(r)) // AddTags appends to it
	}
	x.run(w, h.next)
}

// serve answers from a page. made is how it came there, or nil for a plain hit.
func (c *Cache) serve(w http.ResponseWriter, r *http.Request, p *page, now time.Time, made *forwarded) {
	age := p.currentAge(now)
	member, ageValue := hitText(c.name, p.lifetime-age, age)
	if made != nil {
		member = made.text(c.name)
	}

	// One copy for all fields: what a handler around us does to them does not
	// reach the page.
	values := make([]string, len(p.values)+3)
	n := copy(values, p.values)
	values[n], values[n+1], values[n+2] = p.length, ageValue, member
	header := w.Header()
	for _, f := range p.fields {
		header[f.name] = values[f.from:f.to:f.to]
	}
	header["Age"] = values[n+1 : n+2 : n+2]
	if inner := header["Cache-Status"]; len(inner) > 0 {
		header["Cache-Status"] = append(inner, member)
	} else {
		header["Cache-Status"] = values[n+2 : n+3 : n+3]
	}

	if p.status == http.StatusOK && len(r.Header) > 0 && conditional(r.Header) {
		http.ServeContent(w, r, "", p.modified, bytes.NewReader(p.body))
		return
	}
	header["Content-Length"] = values[n : n+1 : n+1]
	w.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.body) // the client may have gone
	}
}
