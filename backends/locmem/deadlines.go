package locmem

import "github.com/stratacache/strata/cache/driver"

// due is something that ends, as a member of a heap of its kind.
type due struct {
	key driver.Key
	end int64
	at  int // its index in the heap, or unlisted
}

const unlisted = -1

// deadlines is a heap with the earliest end on top. What never ends is not in
// it.
type deadlines struct {
	items []*due
}

func (h *deadlines) first() *due {
	if len(h.items) == 0 {
		return nil
	}
	return h.items[0]
}

// set gives d the end, and its place.
func (h *deadlines) set(d *due, end int64) {
	d.end = end
	switch {
	case end == driver.Forever:
		h.drop(d)
	case d.at == unlisted:
		d.at = len(h.items)
		h.items = append(h.items, d)
		h.up(d.at)
	default:
		h.down(h.up(d.at))
	}
}

// drop takes d out, if it is in.
func (h *deadlines) drop(d *due) {
	i, last := d.at, len(h.items)-1
	if i == unlisted {
		return
	}
	h.swap(i, last)
	h.items[last] = nil
	h.items = h.items[:last]
	d.at = unlisted
	if i < last {
		h.down(h.up(i))
	}
	if cap(h.items) > 1024 && len(h.items) < cap(h.items)/4 {
		h.items = append(make([]*due, 0, cap(h.items)/2), h.items...)
	}
}

func (h *deadlines) swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.items[i].at, h.items[j].at = i, j
}

func (h *deadlines) up(i int) int {
	for i > 0 {
		parent := (i - 1) / 2
		if h.items[parent].end <= h.items[i].end {
			break
		}
		h.swap(i, parent)
		i = parent
	}
	return i
}

func (h *deadlines) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h.items) {
			return
		}
		if right := child + 1; right < len(h.items) && h.items[right].end < h.items[child].end {
			child = right
		}
		if h.items[i].end <= h.items[child].end {
			return
		}
		h.swap(i, child)
		i = child
	}
}
