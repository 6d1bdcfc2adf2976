INSERT INTO strata_outbox (cache, names, due) VALUES (?, ?, {now} + ?)
