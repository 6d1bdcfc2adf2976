-- What advances the clock does so in a transaction that begins with "advance",
-- which keeps all others waiting until the commit. [[…]] is repeated for each item.
-- The database is a file of this machine: $now is this process's clock.

-- part: record
m.namespace = $ns AND m.history = $history

-- part: current
e.epoch = m.epoch AND e.stamp >= m.cleared

-- part: untouched
NOT EXISTS (
	SELECT 1 FROM json_each(e.tags) j CROSS JOIN {tag} t ON t.namespace = m.namespace AND t.tag = unhex(j.value) WHERE t.stamp > e.stamp)

-- part: expired
e.tags LIKE '["0021%' AND NOT EXISTS (
	SELECT 1 FROM json_each(e.tags) j CROSS JOIN {tag} t ON t.namespace = m.namespace AND t.tag = unhex(j.value)
	WHERE t.stamp > e.stamp AND j.value LIKE '00%')

-- part: valid
{current} AND (e.tags IS NULL OR {untouched})

-- part: live
+e.expires > $now AND e.kind <> 2 AND substr(e.body, 1, 3) = X'535401' AND {valid}

-- part: stale
(expires <= $now OR token = excluded.stamp)

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
CASE WHEN e.number IS NOT NULL OR e.ends IS NOT NULL THEN coalesce(e.number, 'NULL') || ',' || coalesce(e.fresh || ',' || e.ends, 'NULL,NULL') END

-- part: columns
namespace, name, token, epoch, stamp, kind, tags, number, size, expires, body

-- part: end
$until

-- part: replace
ON CONFLICT (namespace, name) DO UPDATE SET token = excluded.token, epoch = excluded.epoch, stamp = excluded.stamp,
	kind = excluded.kind, tags = excluded.tags, fresh = excluded.fresh, ends = excluded.ends, number = excluded.number,
	size = excluded.size, expires = excluded.expires, body = excluded.body

-- name: record
INSERT INTO {meta} AS m (namespace, epoch, clock, cleared, history)
SELECT $ns, $epoch, coalesce(max(t.stamp), 0), coalesce(max(t.stamp), 0), $history FROM {tag} t WHERE t.namespace = $ns
ON CONFLICT (namespace) DO UPDATE SET epoch = excluded.epoch, cleared = m.clock, history = excluded.history
WHERE m.history <> excluded.history

-- name: clock
SELECT m.epoch, m.clock FROM {meta} m WHERE {record}

-- The plus keeps SQLite from looking through all that has not ended.

-- name: get
SELECT m.epoch AS a, m.clock AS b, e.token AS c, {plain} AS d, e.body AS e
FROM {meta} m LEFT JOIN {entry} e ON e.namespace = m.namespace AND e.name = $key AND +e.expires > $now WHERE {record}

-- name: getfull
SELECT m.epoch AS a, m.clock AS b, e.token AS c, {full} AS d, e.body AS e, {changed} AS f
FROM {meta} m LEFT JOIN {entry} e ON e.namespace = m.namespace AND e.name = $key AND +e.expires > $now WHERE {record}

-- The clock comes once, below zero in a row of its own: in each row it would be two
-- columns more.

-- name: getmany
SELECT NULL AS a, m.epoch AS b, -1 - m.clock AS c, NULL AS d FROM {meta} m WHERE {record}
UNION ALL SELECT e.name, e.token, {plain}, e.body
FROM {meta} m JOIN {entry} e ON e.namespace = m.namespace WHERE e.name IN ([[$key]]) AND +e.expires > $now AND {record}

-- name: getmanyfull
SELECT NULL AS a, m.epoch AS b, -1 - m.clock AS c, NULL AS d, NULL AS e FROM {meta} m WHERE {record}
UNION ALL SELECT e.name, e.token, {full}, e.body, {changed}
FROM {meta} m JOIN {entry} e ON e.namespace = m.namespace WHERE e.name IN ([[$key]]) AND +e.expires > $now AND {record}

-- The token that was seen travels in stamp, which means nothing in a placeholder.

-- name: plant
INSERT INTO {entry} ({columns})
VALUES [[($ns, $key, $new, 0, $seen, 0, NULL, NULL, 0, $now + $hold, NULL)]]
ON CONFLICT (namespace, name) DO UPDATE SET
	token = CASE WHEN {stale} THEN excluded.token ELSE token END,
	expires = CASE WHEN {stale} THEN excluded.expires ELSE max(expires, excluded.expires) END,
	body = NULL, tags = NULL, number = NULL, kind = 0, size = 0
WHERE body IS NULL OR {stale}
RETURNING name, token

-- name: begin
BEGIN IMMEDIATE

-- name: commit
COMMIT

-- name: rollback
ROLLBACK

-- name: advance
UPDATE {meta} AS m SET clock = clock + $by WHERE {record} RETURNING epoch, clock

-- name: put
INSERT INTO {entry} ({columns})
VALUES [[($ns, $key, $new, $epoch, $stamp, $kind, $tags, $number, $size, {end}, $body)]]
{replace}

-- name: putplain
INSERT INTO {entry} ({columns})
VALUES [[($ns, $key, $new, $epoch, $stamp, 0, NULL, NULL, $size, {end}, $body)]]
{replace}

-- name: add
INSERT INTO {entry} AS e ({columns})
VALUES ($ns, $key, $new, $epoch, $stamp, $kind, $tags, $number, $size, {end}, $body)
{replace}
WHERE NOT coalesce((SELECT {live} FROM {meta} m WHERE m.namespace = $ns), FALSE)

-- name: fill
UPDATE {entry} AS e SET token = $new, epoch = $epoch, stamp = $stamp, kind = $kind, tags = $tags, fresh = NULL, ends = NULL,
	number = $number, size = $size, expires = {end}, body = $body
FROM {meta} m
WHERE {record} AND e.namespace = m.namespace AND e.name = $key AND e.token = $old AND e.expires > $now
	AND m.epoch = $epoch AND m.cleared <= $stamp AND ($tags IS NULL OR NOT EXISTS (
		SELECT 1 FROM json_each($tags) j CROSS JOIN {tag} t ON t.namespace = $ns AND t.tag = unhex(j.value) WHERE t.stamp > $stamp))

-- name: touch
UPDATE {entry} AS e SET fresh = $fresh, ends = $ends, expires = {end} FROM {meta} m
WHERE {record} AND e.namespace = m.namespace AND e.name = $key AND {live}

-- name: incr
UPDATE {entry} AS e SET token = $new, number = e.number + $delta FROM {meta} m
WHERE {record} AND e.namespace = m.namespace AND e.name = $key AND e.kind = 1 AND e.number BETWEEN $low AND $high AND {live}
RETURNING number

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
INSERT INTO {tag} (namespace, tag, stamp) VALUES [[($ns, $key, $stamp)]]
ON CONFLICT (namespace, tag) DO UPDATE SET stamp = excluded.stamp

-- name: clear
UPDATE {meta} SET cleared = clock WHERE namespace = $ns

-- name: expired
DELETE FROM {entry} WHERE rowid IN (
	SELECT rowid FROM {entry} WHERE namespace = $ns AND expires <= $now ORDER BY expires LIMIT $limit)

-- name: oldest
DELETE FROM {entry} WHERE rowid IN (SELECT rowid FROM {entry} WHERE namespace = $ns ORDER BY expires LIMIT $limit)

-- name: invalid
DELETE FROM {entry} WHERE rowid IN (
	SELECT e.rowid FROM {meta} m JOIN {entry} e ON e.namespace = m.namespace
	WHERE m.namespace = $ns AND e.body IS NOT NULL AND (e.epoch <> m.epoch OR e.stamp < m.cleared) LIMIT $limit)

-- name: oldtags
DELETE FROM {tag} WHERE (namespace, tag) IN (
	SELECT t.namespace, t.tag FROM {meta} m JOIN {tag} t ON t.namespace = m.namespace
	WHERE m.namespace = $ns AND t.stamp <= m.cleared LIMIT $limit)

-- name: measure
SELECT count(*), coalesce(sum(size), 0) FROM {entry} WHERE namespace = $ns

-- name: tags
SELECT count(*) FROM {tag} WHERE namespace = $ns
