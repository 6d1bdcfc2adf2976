-- Each operation is one statement. It returns the epoch, the clock after it, a
-- value, NULL if it was not done, and whether it was added to the log; no row where
-- there is no record of this run of the server.
-- statement_timestamp() does for reading; what has waited for a lock needs the
-- time after that.

-- part: record
m.namespace = $ns AND m.history = pg_postmaster_start_time()

-- part: current
e.epoch = m.epoch AND e.stamp >= m.cleared

-- part: untouched
NOT EXISTS (
	SELECT 1 FROM {tag} t WHERE t.namespace = e.namespace AND t.tag = ANY (e.tags) AND t.stamp > e.stamp)

-- part: expired
substr(e.tags[1], 1, 2) = '\x0021' AND NOT EXISTS (
	SELECT 1 FROM {tag} t WHERE t.namespace = e.namespace AND t.tag = ANY (e.tags) AND t.stamp > e.stamp AND substr(t.tag, 1, 1) = '\x00')

-- Who sees how long the list is plans each call anew, which takes as long as the rest.

-- part: named
e.name = ANY (ARRAY (SELECT unnest($keys::bytea[])))

-- part: valid
{current} AND (e.tags IS NULL OR {untouched})

-- part: live
e.expires > clock_timestamp() AND e.kind <> 2 AND substr(e.body, 1, 3) = '\x535401' AND {valid}

-- part: stale
(e.expires <= clock_timestamp() OR e.token = EXCLUDED.stamp)

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
CASE WHEN e.number IS NOT NULL OR e.ends IS NOT NULL THEN ARRAY[e.number, e.fresh, e.ends] END

-- part: columns
namespace, name, token, epoch, stamp, kind, tags, number, size, expires, body

-- part: end
coalesce(clock_timestamp() + $life::bigint * interval '1 microsecond', 'infinity')

-- part: new
SELECT $ns, $key::bytea, $new::bigint, m.epoch, m.clock, $kind::smallint, $tags::bytea[], $number::bigint,
	$size::integer, {end}, $body::bytea FROM m

-- part: replace
ON CONFLICT (namespace, name) DO UPDATE SET token = EXCLUDED.token, epoch = EXCLUDED.epoch, stamp = EXCLUDED.stamp,
	kind = EXCLUDED.kind, tags = EXCLUDED.tags, fresh = EXCLUDED.fresh, ends = EXCLUDED.ends, number = EXCLUDED.number,
	size = EXCLUDED.size, expires = EXCLUDED.expires, body = EXCLUDED.body

-- part: locked
m AS MATERIALIZED (SELECT m.namespace, m.epoch, m.clock + 1 AS clock, m.cleared FROM {meta} m WHERE {record} FOR UPDATE)

-- part: advanced
a AS (UPDATE {meta} SET clock = clock + 1 WHERE namespace = $ns AND EXISTS (SELECT 1 FROM e) RETURNING clock)

-- part: outcome
SELECT m.epoch, m.clock - 1 + (SELECT count(*) FROM a), (SELECT 1 FROM e), EXISTS (SELECT 1 FROM l) FROM m

-- What advances the clock adds a row to the log in the same statement, while
-- somebody reads it: the row of epoch 0 says until when. That one is read as it was
-- before any wait for a lock; what is then missing is a hole in the numbers.

-- part: followed
EXISTS (SELECT 1 FROM {log} r WHERE r.namespace = $ns AND r.epoch = 0 AND r.n = 0 AND r.until > statement_timestamp())

-- part: change
INSERT INTO {log} (namespace, epoch, n, count, names, tags) SELECT m.namespace, m.epoch, m.clock

-- part: logged
l AS ({change}, 1, ARRAY[$key::bytea], NULL FROM m WHERE {followed} RETURNING 1)

-- part: loggedif
l AS ({change}, 1, ARRAY[$key::bytea], NULL FROM m WHERE EXISTS (SELECT 1 FROM e) AND {followed} RETURNING 1)

-- part: filling
UPDATE {entry} e SET token = $new, epoch = $epoch, stamp = $stamp, kind = $kind, tags = $tags, fresh = NULL, ends = NULL,
	number = $number, size = $size, expires = {end}, body = $body
FROM m
WHERE e.namespace = m.namespace AND e.name = $key AND e.token = $old AND e.expires > clock_timestamp()
	AND m.epoch = $epoch AND m.cleared <= $stamp AND ($tags::bytea[] IS NULL OR NOT EXISTS (
		SELECT 1 FROM {tag} t WHERE t.namespace = $ns AND t.tag = ANY ($tags) AND t.stamp > $stamp))
RETURNING 1

-- name: record
INSERT INTO {meta} AS m (namespace, epoch, clock, cleared, history)
SELECT $ns, $epoch::bigint, coalesce(max(t.stamp), 0), coalesce(max(t.stamp), 0), pg_postmaster_start_time()
FROM {tag} t WHERE t.namespace = $ns
ON CONFLICT (namespace) DO UPDATE SET epoch = EXCLUDED.epoch, cleared = m.clock, history = EXCLUDED.history
WHERE m.history <> EXCLUDED.history

-- name: clock
SELECT m.epoch, m.clock FROM {meta} m WHERE {record}

-- name: get
SELECT m.epoch, m.clock, e.token, {plain}, e.body
FROM {meta} m LEFT JOIN {entry} e ON e.namespace = m.namespace AND e.name = $key AND e.expires > statement_timestamp() WHERE {record}

-- name: getfull
SELECT m.epoch, m.clock, e.token, {full}, e.body, {changed}
FROM {meta} m LEFT JOIN {entry} e ON e.namespace = m.namespace AND e.name = $key AND e.expires > statement_timestamp() WHERE {record}

-- name: peek
SELECT e.token, e.epoch, e.stamp, e.body, {changed}
FROM {entry} e WHERE e.namespace = $ns AND e.name = $key AND e.expires > statement_timestamp() AND e.body IS NOT NULL

-- The clock comes once, below zero in a row of its own: in each row it would be two
-- columns more.

-- name: getmany
SELECT NULL::bytea, m.epoch, -1 - m.clock, NULL::bytea FROM {meta} m WHERE {record}
UNION ALL SELECT e.name, e.token, {plain}, e.body
FROM {meta} m JOIN {entry} e ON e.namespace = m.namespace WHERE {named} AND e.expires > statement_timestamp() AND {record}

-- name: getmanyfull
SELECT NULL::bytea, m.epoch, -1 - m.clock, NULL::bytea, NULL::bigint[] FROM {meta} m WHERE {record}
UNION ALL SELECT e.name, e.token, {full}, e.body, {changed}
FROM {meta} m JOIN {entry} e ON e.namespace = m.namespace WHERE {named} AND e.expires > statement_timestamp() AND {record}

-- The token that was seen travels in stamp, which means nothing in a placeholder.

-- name: plant
INSERT INTO {entry} AS e ({columns})
SELECT $ns, x.name, x.token, 0, x.seen, 0, NULL, NULL, 0, clock_timestamp() + $hold::bigint * interval '1 microsecond', NULL
FROM unnest($keys::bytea[], $news::bigint[], $seens::bigint[]) AS x (name, token, seen) ORDER BY x.name
ON CONFLICT (namespace, name) DO UPDATE SET
	token = CASE WHEN {stale} THEN EXCLUDED.token ELSE e.token END,
	expires = CASE WHEN {stale} THEN EXCLUDED.expires ELSE greatest(e.expires, EXCLUDED.expires) END,
	body = NULL, tags = NULL, number = NULL, kind = 0, size = 0
WHERE e.body IS NULL OR {stale}
RETURNING name, token

-- name: set
WITH m AS (UPDATE {meta} m SET clock = m.clock + 1 WHERE {record} RETURNING m.namespace, m.epoch, m.clock),
e AS (INSERT INTO {entry} ({columns}) {new} {replace}),
{logged}
SELECT m.epoch, m.clock, 1, EXISTS (SELECT 1 FROM l) FROM m

-- name: setmany
WITH m AS (UPDATE {meta} m SET clock = m.clock + $by WHERE {record} RETURNING m.namespace, m.epoch, m.clock),
e AS (INSERT INTO {entry} ({columns})
	SELECT $ns, x.name, x.token, m.epoch, m.clock, x.kind, x.tags::bytea[], x.number, octet_length(x.name) + coalesce(octet_length(x.body), 0),
		coalesce(clock_timestamp() + x.life * interval '1 microsecond', 'infinity'), x.body
	FROM m, unnest($keys::bytea[], $news::bigint[], $kinds::smallint[], $taglists::text[], $numbers::bigint[], $lives::bigint[], $bodies::bytea[])
		AS x (name, token, kind, tags, number, life, body)
	ORDER BY x.name {replace}),
l AS ({change}, $by, $keys::bytea[], NULL FROM m WHERE {followed} RETURNING 1)
SELECT m.epoch, m.clock, 1, EXISTS (SELECT 1 FROM l) FROM m

-- name: setplain
WITH m AS (UPDATE {meta} m SET clock = m.clock + $by WHERE {record} RETURNING m.namespace, m.epoch, m.clock),
e AS (INSERT INTO {entry} ({columns})
	SELECT $ns, x.name, x.token, m.epoch, m.clock, 0, NULL, NULL, octet_length(x.name) + coalesce(octet_length(x.body), 0),
		coalesce(clock_timestamp() + x.life * interval '1 microsecond', 'infinity'), x.body
	FROM m, unnest($keys::bytea[], $news::bigint[], $lives::bigint[], $bodies::bytea[])
		AS x (name, token, life, body)
	ORDER BY x.name {replace}),
l AS ({change}, $by, $keys::bytea[], NULL FROM m WHERE {followed} RETURNING 1)
SELECT m.epoch, m.clock, 1, EXISTS (SELECT 1 FROM l) FROM m

-- name: add
WITH {locked},
e AS (INSERT INTO {entry} AS e ({columns}) {new} {replace}
	WHERE NOT coalesce((SELECT {live} FROM m), false) RETURNING 1),
{advanced},
{loggedif}
{outcome}

-- name: fill
WITH m AS (SELECT m.namespace, m.epoch, m.clock, m.cleared FROM {meta} m WHERE {record}),
e AS ({filling})
SELECT m.epoch, m.clock, (SELECT 1 FROM e), false FROM m

-- name: setfenced
WITH {locked},
e AS ({filling}),
d AS (DELETE FROM {entry} WHERE namespace = $ns AND name = $key AND EXISTS (SELECT 1 FROM m) AND NOT EXISTS (SELECT 1 FROM e)),
a AS (UPDATE {meta} SET clock = clock + 1 WHERE namespace = $ns AND EXISTS (SELECT 1 FROM m) RETURNING clock),
{logged}
{outcome}

-- name: touch
WITH {locked},
e AS (UPDATE {entry} e SET fresh = $fresh, ends = $ends, expires = {end} FROM m
	WHERE e.namespace = m.namespace AND e.name = $key AND {live} RETURNING 1),
{advanced},
{loggedif}
{outcome}

-- name: incr
WITH m AS (SELECT m.namespace, m.epoch, m.clock, m.cleared FROM {meta} m WHERE {record}),
e AS (UPDATE {entry} e SET token = $new, number = e.number + $delta::bigint FROM m
	WHERE e.namespace = m.namespace AND e.name = $key AND e.kind = 1 AND e.number BETWEEN $low AND $high AND {live}
	RETURNING e.number)
SELECT m.epoch, m.clock, (SELECT e.number FROM e), false FROM m

-- name: move
WITH {locked},
d AS (DELETE FROM {entry} e USING m WHERE e.namespace = m.namespace AND e.name = $from AND e.token = $old AND {live} RETURNING e.*),
e AS (INSERT INTO {entry} ({columns}, fresh, ends)
	SELECT d.namespace, $key::bytea, $new::bigint, d.epoch, d.stamp, d.kind, d.tags, d.number,
		$size::integer, d.expires, $body::bytea, d.fresh, d.ends FROM d {replace} RETURNING 1),
{advanced},
l AS ({change}, 1, ARRAY[$from::bytea, $key::bytea], NULL FROM m WHERE EXISTS (SELECT 1 FROM e) AND {followed} RETURNING 1)
{outcome}

-- The names of what it removed are told as those of the log.

-- name: invalidate
WITH m AS (UPDATE {meta} m SET clock = m.clock + $by, cleared = CASE WHEN $clear::boolean THEN m.clock + $by ELSE m.cleared END
	WHERE {record} RETURNING m.namespace, m.epoch, m.clock),
t AS (INSERT INTO {tag} (namespace, tag, stamp) SELECT m.namespace, x.tag, m.clock FROM m, unnest($dropped::bytea[]) AS x (tag) ORDER BY x.tag
	ON CONFLICT (namespace, tag) DO UPDATE SET stamp = EXCLUDED.stamp),
e AS (DELETE FROM {entry} e USING m AS a JOIN {meta} m ON m.namespace = a.namespace
	WHERE e.namespace = a.namespace AND {named} RETURNING e.name, {live} AS live),
l AS ({change}, $by, CASE WHEN cardinality($keys::bytea[]) <= 1000 THEN $keys::bytea[] END,
	CASE WHEN $clear::boolean THEN $dropped::bytea[] || '\x00'::bytea ELSE $dropped::bytea[] END FROM m WHERE {followed} RETURNING 1)
SELECT m.epoch, m.clock, EXISTS (SELECT 1 FROM l), coalesce((SELECT string_agg(encode(e.name, 'hex') || ' ', '') FROM e WHERE e.live), '') FROM m

-- Sweeps have an index of their own: see the schema.

-- part: mine
(namespace || '') = $ns

-- name: expired
DELETE FROM {entry} WHERE expires <= statement_timestamp() AND ctid = ANY (ARRAY (
	SELECT ctid FROM {entry} WHERE {mine} AND expires <= statement_timestamp()
	ORDER BY expires LIMIT $limit FOR UPDATE SKIP LOCKED))

-- name: oldest
DELETE FROM {entry} WHERE ctid = ANY (ARRAY (
	SELECT ctid FROM {entry} WHERE {mine} ORDER BY expires LIMIT $limit FOR UPDATE SKIP LOCKED))

-- name: invalid
DELETE FROM {entry} WHERE ctid = ANY (ARRAY (
	SELECT e.ctid FROM {entry} e JOIN {meta} m ON m.namespace = e.namespace
	WHERE m.namespace = $ns AND (e.namespace || '') = $ns AND e.body IS NOT NULL AND (e.epoch <> m.epoch OR e.stamp < m.cleared)
	LIMIT $limit FOR UPDATE OF e SKIP LOCKED))

-- name: oldtags
DELETE FROM {tag} WHERE ctid = ANY (ARRAY (
	SELECT t.ctid FROM {tag} t JOIN {meta} m ON m.namespace = t.namespace
	WHERE m.namespace = $ns AND t.stamp <= m.cleared LIMIT $limit FOR UPDATE OF t SKIP LOCKED))

-- name: measure
SELECT count(*), coalesce(sum(size), 0) FROM {entry} WHERE {mine}

-- name: tags
SELECT count(*) FROM {tag} WHERE namespace = $ns

-- What somebody reads is kept for ten minutes after its last reading.

-- name: follow
INSERT INTO {log} AS r (namespace, epoch, n, count, until) VALUES ($ns, 0, 0, 0, clock_timestamp() + interval '10 minutes')
ON CONFLICT (namespace, epoch, n) DO UPDATE SET until = EXCLUDED.until WHERE r.until < clock_timestamp() + interval '5 minutes'

-- Names and tags are told in hexadecimal, each with a space after it, and are NULL
-- where they were too many to tell.

-- name: changes
SELECT m.epoch, m.clock, l.n, l.count, CASE WHEN l.names IS NOT NULL THEN
	coalesce((SELECT string_agg(encode(x, 'hex') || ' ', '') FROM unnest(l.names) x), '') END,
	coalesce((SELECT string_agg(encode(x, 'hex') || ' ', '') FROM unnest(l.tags) x), '')
FROM {meta} m LEFT JOIN LATERAL (
	SELECT * FROM {log} WHERE namespace = $ns AND epoch = $epoch AND n > $stamp ORDER BY n LIMIT $limit
) l ON l.epoch = m.epoch
WHERE {record} ORDER BY l.n

-- name: notify
SELECT pg_notify($channel, '')

-- name: oldlog
DELETE FROM {log} WHERE ctid = ANY (ARRAY (
	SELECT l.ctid FROM {log} l JOIN {meta} m ON m.namespace = l.namespace
	WHERE m.namespace = $ns AND CASE WHEN l.epoch = 0 THEN l.until <= statement_timestamp()
		ELSE l.epoch <> m.epoch OR l.n <= m.clock - 10000 OR NOT {followed} END
	LIMIT $limit FOR UPDATE OF l SKIP LOCKED))
