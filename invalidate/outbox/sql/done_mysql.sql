DELETE b FROM strata_outbox AS b FORCE INDEX (PRIMARY) WHERE b.id IN ({list})
