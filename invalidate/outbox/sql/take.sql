SELECT id, cache, names FROM strata_outbox WHERE due <= {now} AND cache IN ({list}) ORDER BY id LIMIT {batch} {lock}
