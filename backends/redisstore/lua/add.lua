-- KEYS entry, meta. ARGV blob, ms, digits of an integer.
local m = call('HMGET', KEYS[2], 'e', 'n', 't:\0')
if not m[1] then return false end
if live(pcall_('GETRANGE', KEYS[1], 0, 85), m, KEYS[2], KEYS[1]) then
  return m[1] .. m[2] .. ' 0'
end

local n = call('HINCRBY', KEYS[2], 'n', 1)
stamp(KEYS[1], ARGV[1], ARGV[2], m[1] .. bytes(n), ARGV[3])
log(KEYS[2], m[1], n, 1, item('k', KEYS[1]))
return reply(m[1], n, '1')
