-- One row for each namespace: its epoch, its clock, the clock of its last Clear,
-- and which run of the machine that is true of.
CREATE TABLE IF NOT EXISTS {meta} (
	namespace TEXT NOT NULL PRIMARY KEY,
	epoch     INTEGER NOT NULL,
	clock     INTEGER NOT NULL,
	cleared   INTEGER NOT NULL,
	history   INTEGER NOT NULL
) WITHOUT ROWID;

-- The stamps of tags that were invalidated.
CREATE TABLE IF NOT EXISTS {tag} (
	namespace TEXT NOT NULL,
	tag       BLOB NOT NULL,
	stamp     INTEGER NOT NULL,
	PRIMARY KEY (namespace, tag)
) WITHOUT ROWID;

-- Entries. One without a body is a placeholder: a token, while somebody loads.
-- When it ends the body knows, unless fresh and ends say otherwise since.
-- Tags are a JSON array of hexadecimal strings; expires is in microseconds.
CREATE TABLE IF NOT EXISTS {entry} (
	namespace TEXT NOT NULL,
	name      BLOB NOT NULL,
	token     INTEGER NOT NULL,
	epoch     INTEGER NOT NULL,
	stamp     INTEGER NOT NULL,
	kind      INTEGER NOT NULL,
	tags      TEXT,
	fresh     INTEGER,
	ends      INTEGER,
	number    INTEGER,
	size      INTEGER NOT NULL,
	expires   INTEGER NOT NULL,
	body      BLOB,
	PRIMARY KEY (namespace, name)
);

CREATE INDEX IF NOT EXISTS {expires} ON {entry} (namespace, expires);
