package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/stratacache/strata/backends/locmem"
	"github.com/stratacache/strata/cache"
	"github.com/stratacache/strata/cache/driver"
)

// settings are what a run is like. Each seed draws its own, and mostly leaves
// some of the faults out: what many faults together hide, few show.
type settings struct {
	nodes, rows, actors int
	steps               int
	bound               time.Duration
	log, many, split    bool

	timeWeight, faultWeight, opWeight int // in percent of the steps; opWeight of the rest

	slow, slowest, slowReplies int
	lostRequests, lostReplies  int
	logDiligence, lateLog      int
	failingLoads, slowLoads    int
	deadlines                  int
	faults                     []fault
	jumps                      []time.Duration
}

// world is one run: what there is, and what has happened.
type world struct {
	settings
	seed    uint64
	without Rule
	random  *rand.Rand
	began   time.Time

	mu       sync.Mutex
	arrived  []*call
	returned []*actor

	step     int
	seq      int
	calls    []*call
	draining bool

	store     *authority
	db        database
	processes []*process
	lives     int
	closing   sync.WaitGroup

	history  []event
	problems []string
	late     []string // found by a hook, under mu
	stats    cache.Stats
}

// process is one life of a node.
type process struct {
	w      *world
	name   string
	node   int
	link   *link
	client *cache.Client
	near   []driver.Store
	bound  time.Duration // of what it may serve; 0 without near tiers
	early  bool
	inLine bool // its loads wait for their turn
	actors []*actor

	dead                   bool // under world.mu
	hangs, fails, logHangs bool
	readsFail              bool
	loads                  map[*cache.Load][]string // what a loader made, under world.mu
}

func newWorld(seed uint64, without Rule) *world {
	w := &world{seed: seed, without: without, random: rand.New(rand.NewPCG(seed, 1)), began: time.Now()}
	w.draw()
	w.store = newAuthority(rand.New(rand.NewPCG(seed, 2)), without)
	w.store.split = w.split
	w.db.rows = make([]int, w.rows)
	w.db.set = make([]int, w.nodes)
	w.db.floors = make(map[string][]floor)
	for n := range w.nodes {
		w.processes = append(w.processes, w.start(n))
	}
	w.settle()
	return w
}

// draw chooses the run's settings.
func (w *world) draw() {
	r := w.random
	pick := func(of ...int) int { return of[r.IntN(len(of))] }
	w.nodes, w.rows, w.actors = pick(1, 2, 2, 3), pick(1, 1, 2, 3), pick(1, 2, 2, 3)
	w.steps = 300
	w.bound = 500 * time.Millisecond
	w.log, w.many, w.split = pick(0, 1, 1) > 0, pick(0, 1) > 0, pick(0, 0, 1) > 0
	w.timeWeight, w.faultWeight, w.opWeight = pick(2, 5, 10, 20, 35), pick(0, 3, 6, 12, 20), pick(20, 35, 50)
	w.slow, w.slowest, w.slowReplies = pick(0, 5, 20), pick(10, 40, 80), pick(0, 10, 40, 70)
	w.lostRequests, w.lostReplies = pick(0, 0, 1, 4), pick(0, 0, 1, 4)
	w.logDiligence, w.lateLog = pick(20, 60, 90, 90), pick(0, 0, 30, 60)
	w.failingLoads, w.slowLoads = pick(0, 0, 5), pick(0, 30, 60)
	w.deadlines = pick(0, 0, 10, 30)
	some := pick(15, 30, 60)
	for _, f := range faults {
		if (f.only == "" || f.only == w.without) && w.chance(some) {
			w.faults = append(w.faults, f)
		}
	}
	w.jumps = [][]time.Duration{
		{50 * time.Millisecond, 120 * time.Millisecond, 200 * time.Millisecond},
		{time.Millisecond, 30 * time.Millisecond},
		{10 * time.Millisecond, 130 * time.Millisecond, 600 * time.Millisecond},
		{20 * time.Millisecond, 300 * time.Millisecond, 1100 * time.Millisecond, 4 * time.Second},
	}[r.IntN(4)]
}

// start begins a new life of a node.
func (w *world) start(node int) *process {
	r := w.random
	w.lives++
	p := &process{w: w, node: node, name: fmt.Sprintf("n%d.%d", node, w.lives), loads: make(map[*cache.Load][]string)}
	p.link = &link{to: w.store, carrier: p}
	o := &cache.Options{
		TTL: time.Minute, NegativeTTL: 30 * time.Second, LoadTimeout: 10 * time.Second,
		Staleness: w.bound, RequestMemo: true, RetryAfter: 2 * time.Second,
		Hooks: cache.Hooks{Load: p.loaded},
	}
	if r.IntN(2) == 0 {
		o.Stale = 3 * time.Second
	}
	if r.IntN(2) == 0 {
		o.LeaseWait = cache.Never
	}
	if r.IntN(4) == 0 {
		o.EarlyRefresh = []float64{1, 1e7}[r.IntN(2)] // a load takes microseconds here
		p.early = true
	}
	if r.IntN(4) == 0 {
		o.MaxLoads = 1
		p.inLine = true
	}
	if r.IntN(5) > 0 {
		p.bound = w.bound
		for range 1 + r.IntN(2) {
			p.near = append(p.near, locmem.New(nil))
			o.Near = append(o.Near, cache.Tier{Store: p.near[len(p.near)-1]})
		}
	}
	c, err := cache.New(p.link.store(w.log, w.many), o)
	if err != nil {
		panic(err)
	}
	p.client = c
	load(c)
	for i := range w.actors {
		a := &actor{p: p, name: fmt.Sprintf("%s.a%d", p.name, i), first: i == 0, begin: make(chan op)}
		a.ctx, a.cancel = context.WithCancel(context.Background())
		p.actors = append(p.actors, a)
		go a.live()
	}
	w.note(p.name, "", "starts: near %d, stale %v, early %v, max loads %d", len(p.near), o.Stale, p.early, o.MaxLoads)
	return p
}

// carry implements carrier.
func (p *process) carry(ctx context.Context, c *call) error {
	c.from = p
	err := p.w.park(ctx, c)
	if err != nil && c.reads {
		unanswered(ctx)
	}
	return err
}

func (p *process) hangUp() {}

// end is the end of a life: by a crash nobody is told, and what was on its way
// may still arrive.
func (p *process) end() {
	w := p.w
	w.mu.Lock()
	p.dead = true
	w.mu.Unlock()
	for _, a := range p.actors {
		a.cancel()
		close(a.begin)
	}
	w.settle()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.closing.Go(func() { _ = p.client.Close(ctx) })
	w.settle()
	w.closing.Wait()
	w.addStats(p)
}

// run is a whole run; it returns what was wrong.
func (w *world) run() {
	for w.step = 1; w.step <= w.steps && len(w.problems) == 0; w.step++ {
		w.act()
	}
	w.rest()
	for _, p := range w.processes {
		w.shutDown(p)
	}
}

// act is one step of the schedule.
func (w *world) act() {
	switch n := w.random.IntN(100); {
	case n < w.timeWeight:
		w.jump()
		return
	case n < w.timeWeight+w.faultWeight && len(w.faults) > 0:
		f := w.faults[w.random.IntN(len(w.faults))]
		f.do(w)
		return
	}
	var idle []*actor
	for _, p := range w.processes {
		for _, a := range p.actors {
			if !a.busy {
				idle = append(idle, a)
			}
		}
	}
	var calls []*call
	for _, c := range w.calls {
		if w.movable(c) {
			calls = append(calls, c)
		}
	}
	switch {
	case len(idle) > 0 && (len(calls) == 0 || w.chance(w.opWeight)):
		idle[w.random.IntN(len(idle))].start()
	case len(calls) > 0:
		w.move(calls[w.random.IntN(len(calls))])
	default:
		w.jump()
	}
}

func (w *world) jump() {
	w.pass(w.jumps[w.random.IntN(len(w.jumps))] + time.Duration(w.random.IntN(1000)))
}
