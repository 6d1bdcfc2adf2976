-- One row for each namespace: its epoch, its clock, the clock of its last Clear,
-- and which run of the server that is true of.
CREATE TABLE IF NOT EXISTS {meta} (
	namespace text COLLATE "C" NOT NULL PRIMARY KEY,
	epoch     bigint NOT NULL,
	clock     bigint NOT NULL,
	cleared   bigint NOT NULL,
	history   timestamptz NOT NULL
) WITH (fillfactor = 10);

-- The stamps of tags that were invalidated. What comes first in the key is what is
-- looked for: while there are no statistics of a namespace, PostgreSQL believes that it
-- has one row, and would go through all of it.
CREATE TABLE IF NOT EXISTS {tag} (
	namespace text COLLATE "C" NOT NULL,
	tag       bytea NOT NULL,
	stamp     bigint NOT NULL,
	PRIMARY KEY (tag, namespace)
) WITH (fillfactor = 70);

-- Entries. One without a body is a placeholder: a token, while somebody loads.
-- When it ends the body knows, unless fresh and ends say otherwise since.
CREATE {unlogged}TABLE IF NOT EXISTS {entry} (
	namespace text COLLATE "C" NOT NULL,
	name      bytea NOT NULL,
	token     bigint NOT NULL,
	epoch     bigint NOT NULL,
	stamp     bigint NOT NULL,
	kind      smallint NOT NULL,
	tags      bytea[],
	fresh     bigint,
	ends      bigint,
	number    bigint,
	size      integer NOT NULL,
	expires   timestamptz NOT NULL,
	body      bytea,
	PRIMARY KEY (name, namespace)
) WITH (fillfactor = 70);

-- Of an expression, so that nothing but sweeps uses it.
CREATE INDEX IF NOT EXISTS {expires} ON {entry} ((namespace || ''), expires);

-- What was changed at the number n, and at the count - 1 before it, while somebody
-- reads that: the row of epoch 0 says until when. What is lost of it is missed.
CREATE UNLOGGED TABLE IF NOT EXISTS {log} (
	namespace text COLLATE "C" NOT NULL,
	epoch     bigint NOT NULL,
	n         bigint NOT NULL,
	count     bigint NOT NULL,
	names     bytea[],
	tags      bytea[],
	until     timestamptz,
	PRIMARY KEY (namespace, epoch, n)
);
