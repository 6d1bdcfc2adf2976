-- One row for each namespace: its epoch, its clock, the clock of its last Clear,
-- and which run of the server that is true of.
CREATE TABLE IF NOT EXISTS {meta} (
	namespace VARBINARY(64) NOT NULL PRIMARY KEY,
	epoch     BIGINT NOT NULL,
	clock     BIGINT NOT NULL,
	cleared   BIGINT NOT NULL,
	history   BIGINT NOT NULL
) ENGINE = InnoDB;

-- The stamps of tags that were invalidated.
CREATE TABLE IF NOT EXISTS {tag} (
	namespace VARBINARY(64) NOT NULL,
	tag       VARBINARY(513) NOT NULL,
	stamp     BIGINT NOT NULL,
	PRIMARY KEY (namespace, tag)
) ENGINE = InnoDB;

-- Entries. One without a body is a placeholder: a token, while somebody loads.
-- When it ends the body knows, unless fresh and ends say otherwise since.
-- Tags are a JSON array of hexadecimal strings.
CREATE TABLE IF NOT EXISTS {entry} (
	namespace VARBINARY(64) NOT NULL,
	name      VARBINARY(513) NOT NULL,
	token     BIGINT NOT NULL,
	epoch     BIGINT NOT NULL,
	stamp     BIGINT NOT NULL,
	kind      TINYINT NOT NULL,
	tags      LONGTEXT CHARACTER SET ascii,
	fresh     BIGINT,
	ends      BIGINT,
	number    BIGINT,
	size      INT NOT NULL,
	expires   DATETIME(6) NOT NULL,
	body      LONGBLOB,
	PRIMARY KEY (namespace, name),
	INDEX {expires} (namespace, expires)
) ENGINE = InnoDB;
