SELECT MIN(due) - {now} FROM strata_outbox WHERE cache IN ({list})
