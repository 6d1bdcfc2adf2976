-- The invalidations of committed transactions that nobody has delivered yet.
CREATE TABLE IF NOT EXISTS strata_outbox (
	id    INTEGER PRIMARY KEY AUTOINCREMENT,
	cache TEXT    NOT NULL,           -- which cache, by the name that the relay knows it by
	names TEXT    NOT NULL,           -- JSON: {"tags": […], "keys": […], "expire": […], "all": false}
	due   INTEGER NOT NULL DEFAULT 0  -- not before this Unix time in milliseconds
);
