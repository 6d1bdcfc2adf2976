-- What advances the clock does so in a transaction that begins with "advance",
-- which keeps all others waiting until the commit. LAST_INSERT_ID brings a number
-- back without another round trip. [[…]] is repeated for each item.
-- @strata_history is nothing on a new connection, where no record is then found.

-- part: record
m.namespace = $ns AND m.history = @strata_history

-- part: now
UTC_TIMESTAMP(6)

-- part: current
e.epoch = m.epoch AND e.stamp >= m.cleared

-- part: untouched
NOT EXISTS (
	SELECT 1 FROM JSON_TABLE(e.tags, '$[*]' COLUMNS (hex VARCHAR(1026) CHARACTER SET ascii PATH '$')) j
	STRAIGHT_JOIN {tag} t ON t.namespace = m.namespace AND t.tag = UNHEX(j.hex) WHERE t.stamp > e.stamp)

-- part: expired
e.tags LIKE '["0021%' AND NOT EXISTS (
	SELECT 1 FROM JSON_TABLE(e.tags, '$[*]' COLUMNS (hex VARCHAR(1026) CHARACTER SET ascii PATH '$')) j
	STRAIGHT_JOIN {tag} t ON t.namespace = m.namespace AND t.tag = UNHEX(j.hex) WHERE t.stamp > e.stamp AND j.hex LIKE '00%')

-- part: valid
{current} AND (e.tags IS NULL OR {untouched})

-- part: live
e.expires > {now} AND e.kind <> 2 AND SUBSTRING(e.body, 1, 3) = X'535401' AND {valid}

-- part: stale
(expires <= {now} OR token = VALUES(stamp))

-- What stands is 8 times the stamp and a number, which names what it is, where a
-- stamp is needed. Most entries have no tags, no number and the life that their body
-- tells. A plain reading does without these: of an entry that has some it says 5, and a
-- full reading is asked instead.

-- part: plain
CASE WHEN e.body IS NULL THEN 1 WHEN coalesce(e.number, e.ends) IS NOT NULL OR e.tags IS NOT NULL THEN 5
	WHEN {current} THEN e.stamp * 8 + 2 ELSE 3 END

-- part: full
CASE WHEN e.body IS NULL THEN 1 WHEN NOT ({current}) THEN 3
	WHEN e.tags IS NULL OR {untouched} THEN e.stamp * 8 + 2 WHEN {expired} THEN e.stamp * 8 + 4 ELSE 3 END

-- part: changed
CASE WHEN e.number IS NOT NULL OR e.ends IS NOT NULL THEN CONCAT_WS(',', COALESCE(e.number, 'NULL'), COALESCE(e.fresh, 'NULL'), COALESCE(e.ends, 'NULL')) END

-- part: columns
namespace, name, token, epoch, stamp, kind, tags, number, size, expires, body

-- part: end
COALESCE({now} + INTERVAL $life MICROSECOND, '9999-12-31')

-- part: replace
ON DUPLICATE KEY UPDATE token = VALUES(token), epoch = VALUES(epoch), stamp = VALUES(stamp), kind = VALUES(kind),
	tags = VALUES(tags), fresh = VALUES(fresh), ends = VALUES(ends), number = VALUES(number), size = VALUES(size),
	expires = VALUES(expires), body = VALUES(body)

-- part: filling
UPDATE {entry} e SET token = $new, epoch = $epoch, stamp = $stamp, kind = $kind, tags = $tags, fresh = NULL, ends = NULL,
	number = $number, expires = {end}, body = $body,
	size = $size + 0 * LAST_INSERT_ID((SELECT m.clock FROM {meta} m WHERE {record}))
WHERE e.namespace = $ns AND e.name = $key AND e.token = $old AND e.expires > {now}
	AND EXISTS (SELECT 1 FROM {meta} m WHERE {record} AND m.epoch = $epoch AND m.cleared <= $stamp)

-- name: history
SET @strata_history = COALESCE((SELECT CAST(CONV(LEFT(SHA1(CONCAT_WS('/', @@hostname, @@port, @@server_id,
	UNIX_TIMESTAMP() - VARIABLE_VALUE)), 15), 16, 10) AS SIGNED)
FROM /*M! information_schema.GLOBAL_STATUS */ /*!80000 performance_schema.global_status */ WHERE VARIABLE_NAME = 'UPTIME'), 0),
	@@SESSION.group_concat_max_len = GREATEST(@@SESSION.group_concat_max_len, 1 << 20) -- of what MariaDB invalidates

-- name: record
INSERT INTO {meta} (namespace, epoch, clock, cleared, history)
SELECT $ns, $epoch, COALESCE(MAX(t.stamp), 0), COALESCE(MAX(t.stamp), 0), @strata_history FROM {tag} t WHERE t.namespace = $ns
ON DUPLICATE KEY UPDATE epoch = IF(history <> VALUES(history), VALUES(epoch), epoch),
	cleared = IF(history <> VALUES(history), clock, cleared), history = VALUES(history)

-- name: clock
SELECT m.epoch, m.clock FROM {meta} m WHERE {record}

-- name: get
SELECT m.epoch AS a, m.clock AS b, e.token AS c, {plain} AS d, e.body AS e
FROM {meta} m LEFT JOIN {entry} e ON e.namespace = m.namespace AND e.name = $key AND e.expires > {now} WHERE {record}

-- name: getfull
SELECT m.epoch AS a, m.clock AS b, e.token AS c, {full} AS d, e.body AS e, {changed} AS f
FROM {meta} m LEFT JOIN {entry} e ON e.namespace = m.namespace AND e.name = $key AND e.expires > {now} WHERE {record}

-- Short names are worth having: MySQL sends them with each reading. So is the clock in
-- each row, where elsewhere it has a row of its own: a union takes as long as all the rest.

-- name: getmany
SELECT e.name AS a, e.token AS b, {plain} AS c, e.body AS d, m.epoch AS e, m.clock AS f
FROM {meta} m LEFT JOIN {entry} e ON e.namespace = m.namespace AND e.name IN ([[$key]]) AND e.expires > {now} WHERE {record}

-- name: getmanyfull
SELECT e.name AS a, e.token AS b, {full} AS c, e.body AS d, {changed} AS g, m.epoch AS e, m.clock AS f
FROM {meta} m LEFT JOIN {entry} e ON e.namespace = m.namespace AND e.name IN ([[$key]]) AND e.expires > {now} WHERE {record}

-- The token that was seen travels in stamp, which means nothing in a placeholder.
-- Later assignments see what earlier ones did, so expires, which decides, comes
-- late. What is brought back of a single one is its token, or 1 where an entry
-- stands, and nothing of a new row.

-- name: plant
INSERT INTO {entry} ({columns})
VALUES [[($ns, $key, $new, 0, $seen, 0, NULL, NULL, 0, {now} + INTERVAL $hold MICROSECOND, NULL)]]
ON DUPLICATE KEY UPDATE tags = IF({stale}, NULL, tags), number = IF({stale}, NULL, number), kind = IF({stale}, 0, kind),
	body = IF({stale}, NULL, body), token = IF({stale}, VALUES(token), token),
	expires = IF(token = VALUES(token), VALUES(expires), IF(body IS NULL, GREATEST(expires, VALUES(expires)), expires)),
	size = IF(body IS NULL, 0, size) + 0 * LAST_INSERT_ID(IF(body IS NULL, token, 1))

-- name: planted
SELECT name, token FROM {entry} WHERE namespace = $ns AND name IN ([[$key]]) AND body IS NULL AND expires > {now}

-- MariaDB can set one entry and advance the clock in an update, if there is a row
-- for it. What joins first is updated as it is read, the clock after that: so
-- the one sees the other's old value, which MySQL does not promise. The clock first
-- would copy the body into a temporary table.

-- name: mariadb
SELECT VERSION() LIKE '%MariaDB%'

-- name: replace
UPDATE {entry} e STRAIGHT_JOIN {meta} m ON m.namespace = e.namespace
SET e.token = $new, e.epoch = m.epoch, e.stamp = m.clock + 1, e.kind = $kind, e.tags = $tags, e.fresh = NULL, e.ends = NULL,
	e.number = $number, e.size = $size, e.expires = {end}, e.body = $body, m.clock = LAST_INSERT_ID(m.clock + 1)
WHERE e.namespace = $ns AND e.name = $key AND {record} AND m.epoch = $current

-- part: putting
INSERT INTO {entry} ({columns})
VALUES [[($ns, $key, $new, $epoch, LAST_INSERT_ID(), $kind, $tags, $number, $size, {end}, $body)]]
{replace}

-- part: puttingplain
INSERT INTO {entry} ({columns})
VALUES [[($ns, $key, $new, $epoch, LAST_INSERT_ID(), 0, NULL, NULL, $size, {end}, $body)]]
{replace}

-- part: advancing
UPDATE {meta} m SET m.clock = LAST_INSERT_ID(m.clock + $by) WHERE {record} AND m.epoch = $current

-- name: advance
{advancing}

-- name: put
{putting}

-- name: putplain
{puttingplain}

-- MariaDB takes a whole transaction as one statement. One of one entry takes it longer than
-- that update.

-- part: begin
BEGIN NOT ATOMIC
	DECLARE removed LONGTEXT;
	DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
	START TRANSACTION;
	{advancing};
	IF ROW_COUNT() = 1 THEN

-- part: commit
		COMMIT;
		SELECT LAST_INSERT_ID(), removed;
	ELSE
		ROLLBACK;
	END IF;
END

-- name: set
{begin} {putting}; {commit}

-- name: setplain
{begin} {puttingplain}; {commit}

-- part: dropping
		IF $taglist IS NOT NULL THEN
			INSERT INTO {tag} (namespace, tag, stamp)
			SELECT $ns, UNHEX(j.hex), LAST_INSERT_ID() FROM JSON_TABLE($taglist, '$[*]' COLUMNS (hex VARCHAR(1026) CHARACTER SET ascii PATH '$')) j
			ON DUPLICATE KEY UPDATE stamp = VALUES(stamp);
		END IF;
		IF $clear THEN
			UPDATE {meta} SET cleared = clock WHERE namespace = $ns;
		END IF;

-- name: invalidatekeys
{begin}
		SELECT GROUP_CONCAT(HEX(e.name) SEPARATOR ' ') INTO removed FROM {meta} m JOIN {entry} e ON e.namespace = m.namespace
		WHERE m.namespace = $ns AND e.name IN ([[$key]]) AND {live};
		DELETE FROM {entry} WHERE namespace = $ns AND name IN ([[$key]]);
		{dropping}
{commit}

-- name: invalidatetags
{begin}
		{dropping}
{commit}

-- Add first makes sure that there is a row, and so holds its lock.

-- name: occupy
INSERT INTO {entry} ({columns})
VALUES ($ns, $key, 0, 0, 0, 0, NULL, NULL, 0, '2000-01-01', NULL)
ON DUPLICATE KEY UPDATE kind = kind

-- name: add
UPDATE {meta} m JOIN {entry} e ON e.namespace = m.namespace
SET e.token = $new, e.epoch = $epoch, e.stamp = $stamp, e.kind = $kind, e.tags = $tags, e.fresh = NULL, e.ends = NULL,
	e.number = $number, e.size = $size, e.expires = {end}, e.body = $body
WHERE {record} AND e.name = $key AND NOT COALESCE({live}, FALSE)

-- name: fill
{filling}

-- name: filltagged
{filling}
	AND NOT EXISTS (
		SELECT 1 FROM JSON_TABLE($tags, '$[*]' COLUMNS (hex VARCHAR(1026) CHARACTER SET ascii PATH '$')) j
		STRAIGHT_JOIN {tag} t ON t.namespace = $ns AND t.tag = UNHEX(j.hex) WHERE t.stamp > $stamp)

-- name: touch
UPDATE {meta} m JOIN {entry} e ON e.namespace = m.namespace
SET e.fresh = $fresh, e.ends = $ends, e.expires = {end}, e.size = e.size + 0 * LAST_INSERT_ID(1)
WHERE {record} AND e.name = $key AND {live}

-- name: incr
UPDATE {meta} m JOIN {entry} e ON e.namespace = m.namespace
SET e.token = $new, e.number = CAST(LAST_INSERT_ID(e.number + $delta) AS SIGNED)
WHERE {record} AND e.name = $key AND e.kind = 1 AND e.number BETWEEN $low AND $high AND {live}

-- name: move
INSERT INTO {entry} ({columns}, fresh, ends)
SELECT e.namespace, $key, $new, e.epoch, e.stamp, e.kind, e.tags, e.number, $size, e.expires, $body, e.fresh, e.ends
FROM {meta} m JOIN {entry} e ON e.namespace = m.namespace
WHERE {record} AND e.name = $from AND e.token = $old AND {live}
{replace}

-- name: leave
DELETE FROM {entry} WHERE namespace = $ns AND name = $from

-- name: alive
SELECT e.name FROM {meta} m JOIN {entry} e ON e.namespace = m.namespace
WHERE m.namespace = $ns AND e.name IN ([[$key]]) AND {live}

-- name: delete
DELETE FROM {entry} WHERE namespace = $ns AND name IN ([[$key]])

-- name: drop
INSERT INTO {tag} (namespace, tag, stamp) VALUES [[($ns, $key, $stamp)]] ON DUPLICATE KEY UPDATE stamp = VALUES(stamp)

-- name: clear
UPDATE {meta} SET cleared = clock WHERE namespace = $ns

-- name: expired
DELETE FROM {entry} WHERE namespace = $ns AND expires <= {now} ORDER BY expires LIMIT $limit

-- name: oldest
DELETE FROM {entry} WHERE namespace = $ns ORDER BY expires LIMIT $limit

-- name: invalid
DELETE FROM {entry} WHERE namespace = $ns AND body IS NOT NULL
	AND (epoch <> (SELECT m.epoch FROM {meta} m WHERE m.namespace = $ns) OR stamp < (SELECT m.cleared FROM {meta} m WHERE m.namespace = $ns))
LIMIT $limit

-- name: oldtags
DELETE FROM {tag} WHERE namespace = $ns AND stamp <= (SELECT m.cleared FROM {meta} m WHERE m.namespace = $ns) LIMIT $limit

-- name: measure
SELECT COUNT(*), COALESCE(SUM(size), 0) FROM {entry} WHERE namespace = $ns

-- name: tags
SELECT COUNT(*) FROM {tag} WHERE namespace = $ns
