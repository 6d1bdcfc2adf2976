DELETE FROM strata_outbox WHERE id IN ({list})
