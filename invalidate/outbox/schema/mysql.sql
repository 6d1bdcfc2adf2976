-- The invalidations of committed transactions that nobody has delivered yet.
CREATE TABLE IF NOT EXISTS strata_outbox (
	id    BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
	cache VARCHAR(100) NOT NULL,           -- which cache, by the name that the relay knows it by
	names LONGTEXT     NOT NULL,           -- JSON: {"tags": […], "keys": […], "expire": […], "all": false}
	due   BIGINT       NOT NULL DEFAULT 0  -- not before this Unix time in milliseconds
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
