package main

import (
	"net/http"
	"time"
)

// stats shows what was computed and what the cache did.
func (s *site) stats(w http.ResponseWriter, r *http.Request) {
	type counter struct {
		Name string
		N    uint64
	}
	var worked []counter
	for _, kind := range []string{workList, workParse, workDoc, workPage, workFragment} {
		worked = append(worked, counter{kind, uint64(s.work.count(kind))})
	}
	st := s.client.Stats()
	s.render(w, r, http.StatusOK, "stats", struct {
		page
		Up          time.Duration
		Work, Cache []counter
		Jobs        []job
	}{
		page{"Counters · Go standard library", "", s.std.Version()},
		time.Since(s.started).Round(time.Second), worked,
		[]counter{
			{"hits in the store", st.Hits},
			{"hits in a near tier", st.NearHits},
			{"misses, counters that are not there among them", st.Misses},
			{"shared another's load", st.Joins},
			{"store did not answer", st.Failures},
			{"loads", st.Loads},
			{"loads refused, as out of date", st.Refused},
			{"writes", st.Writes},
			{"invalidations", st.Invalidations},
		},
		s.work.snapshot(),
	})
}
