-- The end of a batch of plain SETs. KEYS meta. ARGV the epoch and the counter
-- with which the entries were stamped, how many there are, the items of the
-- change, fields of the tags.
-- Advances the clock. The body says whether the entries are valid, and whether
-- there is a log.
local function settle(meta, epoch, stamp, count, items)
  local m = redis.call('HMGET', meta, 'e', 'n', 't:\0')
  if not m[1] then return false end
  local valid = m[1] == epoch and not (m[3] and tonumber(m[3]) > stamp)
  for from = 5, #ARGV, 1000 do -- unpack has a limit
    for _, n in ipairs(redis.call('HMGET', meta, unpack(ARGV, from, math.min(#ARGV, from + 999)))) do
      if n and tonumber(n) > stamp then valid = false end
    end
  end
  redis.call('HDEL', meta, '') -- removes nothing: after a removal the rest needs no memory
  local n = redis.call('HINCRBY', meta, 'n', count)
  local logged = redis.call('EXISTS', meta .. ':log')
  if logged == 1 then
    log(meta, m[1], n, count, items)
  end
  return m[1] .. string.format('%.0f ', n) .. (valid and '1' or '0') .. logged
end
return settle(KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4])
