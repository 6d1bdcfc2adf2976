package metarecord

// LogEnded says whether there is no log.
func (r *Record) LogEnded() bool { return r.log.Load() == nil }
