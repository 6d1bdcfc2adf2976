-- KEYS meta, entries. ARGV token, ms. For keys under which nothing valid stood
-- a moment ago.
-- Returns the clock, and the bodies in the order of the entries.
local m = call('HMGET', KEYS[1], 'e', 'n', 't:\0')
if not m[1] then return false end

local found = call('MGET', unpack(KEYS, 2))
for i = 1, #found do
  local key, err = KEYS[i + 1], nil
  if found[i] then
    found[i] = judge(found[i], m, KEYS[1], key)
  else
    found[i] = call('EXISTS', key) == 0 and 'M-' or 'F-' -- MGET takes other types for nothing
  end
  found[i], err = plant(found[i], key, ARGV[1], ARGV[2])
  if err then return err end
end
return {m[1] .. m[2] .. ' ', found}
