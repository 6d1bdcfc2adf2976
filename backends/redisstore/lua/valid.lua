-- What scripts share that judge entries. m is HMGET meta e n t:<all>. That an
-- entry has ended need not be asked: the server removes it.

-- outdated tells whether a tag of the entry was invalidated after its stamp. It
-- is 'E' if that makes the entry expired, not invalid: see Entry.Judge. v is the
-- header at least.
local function outdated(v, m, meta, key)
  local count = byte(v, 77) * 256 + byte(v, 78)
  if count == 0 and not m[3] then return false end
  local stamp = number(v, 21)
  if m[3] and tonumber(m[3]) > stamp then return true end
  if count == 0 then return false end
  local length = number('\0\0\0\0' .. sub(v, 79, 82), 1)
  if #v < 86 + length then
    v = sub(v, 1, 86) .. call('GETRANGE', key, 86, 85 + length)
    if #v < 86 + length then return true end
  end
  local at, fields = 87, {}
  for i = 1, count do
    local high, low = byte(v, at, at + 1)
    if not low then return true end
    fields[i] = 't:' .. sub(v, at + 2, at + 1 + high * 256 + low)
    at = at + 2 + high * 256 + low
  end
  local verdict, expires = false, sub(fields[1], 3, 4) == '\0!'
  for from = 1, count, 1000 do -- unpack has a limit
    local stamps = call('HMGET', meta, unpack(fields, from, math.min(count, from + 999)))
    for i = 1, #stamps do
      if stamps[i] and tonumber(stamps[i]) > stamp then
        if not expires or (byte(fields[from + i - 1], 3) or 0) == 0 then return true end
        verdict = 'E'
      end
    end
  end
  return verdict
end

-- live tells whether v, the header at least of what stands under key, belongs
-- to an entry that counts as present for writers: valid, and neither a
-- placeholder nor negative.
local function live(v, m, meta, key)
  if type(v) ~= 'string' or #v < 86 or sub(v, 1, 3) ~= 'ST\1' then return false end
  local kind = byte(v, 4)
  if kind == 2 or kind > 3 then return false end
  return sub(v, 13, 20) == m[1] and not outdated(v, m, meta, key)
end
