package sim

// Rule names a rule of the protocol that the world, and not the engine, keeps,
// and that a run can do without: to see that it is found.
type Rule string

// The rules that can be taken out.
const (
	FenceRule      Rule = "fence"        // a fill needs exactly the token that it saw
	AdvanceRule    Rule = "advance"      // each invalidation moves the clock on
	StampFirstRule Rule = "stamp-first"  // the stamp of a load is that of its beginning
	ValidRule      Rule = "valid"        // tags are compared at every read
	EqualRule      Rule = "equal"        // an equal stamp is valid
	FillTagsRule   Rule = "fill-tags"    // a fill is compared with the tags
	RecordRule     Rule = "one-record"   // a tag's stamp is lost only with the epoch
	EpochRule      Rule = "epoch"        // a new record has a new epoch
	ReadEpochRule  Rule = "read-epoch"   // the epoch is compared at every read
	FillEpochRule  Rule = "fill-epoch"   // an entry has the epoch of its load's beginning
	HistoryRule    Rule = "history"      // data that went back is a new epoch
	AsOfRule       Rule = "as-of"        // the clock is read with the key, or before it
	LogHolesRule   Rule = "log-holes"    // a hole in the log is told
	StaleRule      Rule = "stale"        // what is past its time is judged like a hit
	FencedSetRule  Rule = "fenced-set"   // a write-through stores only under its fence
	CommitRule     Rule = "commit-first" // the commit comes before the invalidation
	EffectRule     Rule = "effect-first" // the effect comes before the log
)
