package main

// mutant is a rule and one way to take it out.
type mutant struct {
	rule, without string

	world string // a sim.Rule that is left out

	file, old, new string // or what is replaced in the engine
	more           []change

	free bool // it only saves work: nothing must be found
	// rare says why it need not be found in so few seeds.
	rare string
}

type change struct{ file, old, new string }

// mutants follow the table of ARCHITECTURE.md.
var mutants = []mutant{
	{rule: "fence", without: "a fill needs no token", world: "fence"},
	{
		rule: "fence", without: "a load's result is stored by a plain Set",
		file: "cache/write.go", old: "r, err := e.store.Put(ctx, key, entry, driver.Fill, fence.Token)", new: "r, err := e.store.Put(ctx, key, entry, driver.Set, 0)",
	},

	{rule: "strict advance", without: "an invalidation does not move the clock", world: "advance"},

	{rule: "stamp first", without: "the store stamps a fill with its clock", world: "stamp-first"},
	{
		rule: "stamp first", without: "a load's stamp is what the process knows at its end",
		file: "cache/write.go", old: "	entry.Stamp, entry.Cost = fence.Stamp, c.cost\n",
		new: "	entry.Stamp, entry.Cost = fence.Stamp, c.cost\n	if s := e.node.load(); s.clock.Epoch == fence.Stamp.Epoch {\n		entry.Stamp.N = max(entry.Stamp.N, s.clock.N)\n	}\n",
	},

	{rule: "valid", without: "tags are not compared at reads", world: "valid"},
	{rule: "valid", without: "an equal stamp is invalid: nothing is kept", world: "equal"},
	{rule: "valid", without: "a fill is not compared with the tags, and joined all the same", world: "fill-tags"},

	{rule: "one record", without: "a tag's stamp is lost alone", world: "one-record"},

	{rule: "epoch", without: "a new record has the old epoch", world: "epoch"},
	{rule: "epoch", without: "the epoch is not compared at reads", world: "read-epoch"},
	{rule: "epoch", without: "an entry takes the epoch of its fill", world: "fill-epoch"},

	{rule: "history", without: "data that went back keeps its epoch", world: "history"},

	{rule: "asOf", without: "the clock is read with the reply", world: "as-of"},
	{
		rule: "asOf", without: "a load's copy is as of its fill",
		file: "cache/write.go", old: "&nearCopy{entry: entry, asOf: entry.Stamp}", new: "&nearCopy{entry: entry, asOf: r.Clock}",
	},
	{
		rule: "asOf", without: "one number: a copy is not compared with it",
		file: "cache/node.go", old: "		return c.asOf.N >= s.clock.N\n", new: "		return true\n",
	},
	{
		rule: "asOf", without: "log: a copy is not compared with changes of its key",
		file: "cache/node.go", old: "n.keys.last(key.String()) > c.asOf.N || ", new: "",
	},
	{
		rule: "asOf", without: "log: a copy is not compared with Clear",
		file: "cache/node.go", old: " || n.tags.last(driver.TagAll) > c.asOf.N", new: "",
	},
	{
		rule: "asOf", without: "log: a copy is not compared with changes of its tags",
		file: "cache/node.go", old: "		if n.tags.last(t) > c.asOf.N {\n", new: "		if n.tags.last(t) > c.asOf.N && false {\n",
	},
	{
		rule: "asOf", without: "log: a copy is judged once",
		file: "cache/node.go", old: "	for i := range r.Changes {\n		n.note(&r.Changes[i])\n		s.seq++\n", new: "	for i := range r.Changes {\n		n.note(&r.Changes[i])\n",
	},
	{
		rule: "asOf", without: "a copy is not judged when it is put into a near tier", free: true,
		file: "cache/near.go", old: " && e.node.accepts(key, c)\n", new: "\n",
	},
	{
		rule: "horizon", without: "tables of two names that forget",
		file: "cache/node.go", old: "	c.horizon = max(c.horizon, n)\n", new: "",
		more: []change{{"cache/node.go", "maxChanges = 64 << 10", "maxChanges = 2"}},
	},
	{
		rule: "horizon", without: "nothing, but tables of two names", free: true,
		file: "cache/node.go", old: "maxChanges = 64 << 10", new: "maxChanges = 2",
	},

	{rule: "log", without: "the store does not tell of a hole", world: "log-holes"},
	{
		rule: "log", without: "a hole is passed over",
		file: "cache/node.go", old: "	if !r.Complete {\n", new: "	if false {\n",
	},
	{
		rule: "log", without: "after a hole the horizon is the reply's number only",
		file: "cache/node.go", old: "		n = max(n, known)\n", new: "		_ = known\n",
	},
	{
		rule: "verification", without: "a copy is served however long nothing was heard",
		file: "cache/node.go", old: " && time.Since(s.verified) <= bound", new: "",
	},
	{
		rule: "verification", without: "verified is when the answer came",
		rare: "takes a late answer, silence until the bound, and a read in the moment between",
		file: "cache/node.go", old: "	if !r.More {\n		s.verified = latest(s.verified, sent)\n", new: "	if !r.More {\n		s.verified = time.Now()\n",
	},

	{
		rule: "ambiguous epoch", without: "a new epoch is seen in the log alone",
		rare: "the process's own changes and the log show it in time; it is seen sooner for certainty",
		file: "cache/node.go", old: "s != nil && s.clock.Epoch == clock.Epoch {\n			return // what", new: "s != nil && s.clock.Epoch != 0 {\n			return // what",
	},
	{
		rule: "ambiguous epoch", without: "an ambiguous reply is dropped, and that is all",
		rare: "once in hundreds of thousands; cache/node_internal_test.go has it step by step",
		file: "cache/node.go", old: "		if s.clock.Epoch != 0 {\n			n.reset(driver.Stamp{})\n		}\n", new: "",
	},
	{
		rule: "ambiguous epoch", without: "every other epoch is adopted",
		file: "cache/node.go", old: "	if !sent.After(s.adopted) { // clocks have ties\n", new: "	if false {\n",
	},

	{
		rule: "stale serving", without: "what is past its TTL is not judged", world: "stale",
	},
	{
		rule: "stale serving", without: "the result of a flight that is not the caller's is given in place of the stale value",
		rare: "takes a stale entry that stays while another with its token is refused; cache/stale_test.go has it",
		file: "cache/stale.go", old: "	case !leads && right != exact && !r.stored:\n", new: "	case !leads && right != exact && !r.stored && false:\n",
	},

	{
		rule: "joining", without: "any flight may be joined",
		file: "cache/flight.go", old: "		return provisional\n	}\n	return denied\n", new: "		return provisional\n	}\n	return exact\n",
	},
	{
		rule: "joining", without: "what the store refused is given all the same",
		file: "cache/load.go", old: "		if leads || right == exact || r.stored || failed {\n", new: "		if leads || right != denied || failed {\n",
	},
	{
		rule: "joining", without: "the same for batches",
		file: "cache/loadmany.go", old: "	mayHave := w.leads || w.right == exact || r.stored || failed\n", new: "	mayHave := w.leads || w.right != denied || failed\n",
	},
	{
		rule: "joining", without: "a flight is joined after its result may have been stored",
		rare: "seed 36363 is the first that finds it; cache/flight_test.go has it step by step",
		file: "cache/flight.go", old: " && !f.storing:\n", new: ":\n",
	},
	{
		rule: "joining", without: "a renewal counts as stored",
		rare: "tokens make it so: who joins has read the entry that is renewed",
		file: "cache/load.go", old: "		info.Stored, info.StoreErr = e.renew(f, &c)\n", new: "		info.Stored, info.StoreErr = e.renew(f, &c)\n		f.result.stored = info.Stored\n",
	},
	{
		rule: "joining", without: "in an outage a flight is joined however old it is",
		rare: "takes a load that lasts longer than the bound, in an outage; cache/outage_test.go has it",
		file: "cache/flight.go", old: " && time.Since(f.began) <= bound {\n", new: " {\n",
	},
	{
		rule: "joining", without: "in an outage a flight is joined after a write of this process",
		file: "cache/flight.go", old: "fence == f.fence && f.writes == writes", new: "fence == f.fence",
	},

	{
		rule: "peek", without: "what is read plainly is not compared with changes of its key",
		file: "cache/peek.go", old: " || n.keys.last(key.String()) > e.Stamp.N", new: "",
	},
	{
		rule: "peek", without: "nor of its tags",
		file: "cache/peek.go", old: "	return e.Judge(n.tags.last)\n", new: "	return driver.Valid\n",
	},
	{
		rule: "peek", without: "nor with what was forgotten",
		rare: "takes a server that lost its last changes, and a table that overflowed; cache/node_internal_test.go has it",
		file: "cache/peek.go", old: "e.Judge(n.tags.last)", new: "e.Judge(func(t string) uint64 { return n.tags.at[t] })",
	},
	{
		rule: "peek", without: "however long nothing was heard",
		rare: "a load makes the process wait for the log anyway; cache/peek_test.go has it",
		file: "cache/peek.go", old: " || time.Since(before.verified) > e.opts.Staleness", new: "",
	},
	{
		rule: "peek", without: "of whatever epoch",
		file: "cache/peek.go", old: "n.load().clock.Epoch != epoch || e.Stamp.Epoch != epoch || ", new: "",
	},

	{
		rule: "own first", without: "the process's own change waits for the log",
		file: "cache/write.go", old: "	e.node.own(sent, clock, c)\n", new: "	_, _ = sent, clock\n",
	},
	{
		rule: "own first", without: "a change that may have happened is passed over",
		rare: "an invalidation is owed until it is acknowledged, and a Set that failed promises nothing; cache/near_test.go has one",
		file: "cache/write.go", old: "		e.node.doubt()\n", new: "",
	},
	{
		rule: "own first", without: "a request's memo outlives the process's own writes",
		file: "cache/memo.go", old: " && kept.writes == e.writes.Load()", new: "",
	},

	{rule: "order", without: "the invalidation comes before the commit", world: "commit-first"},
	{rule: "order", without: "the log comes before the effect", world: "effect-first"},

	{rule: "explicit Set", without: "the store takes a fenced Set for a plain one", world: "fenced-set"},
	{
		rule: "explicit Set", without: "a fenced Set is sent as a plain one",
		file: "cache/write.go", old: "			return e.put(ctx, key, entry, driver.SetFenced, c.fence.fence.Token)\n", new: "			return e.put(ctx, key, entry, driver.Set, 0)\n",
	},
}
